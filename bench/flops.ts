/** One training step of a BERT classifier with LoRA adapters. */
export interface StepShape {
  readonly rows: number;
  readonly length: number;
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly labels: number;
  /** r. */
  readonly rank: number;
  /** Adapted linears of each block. */
  readonly targets: readonly LinearName[];
  readonly heads: number;
}

/** `output` is the attention's; `up` and `down` are the feed-forward layer's. */
export type LinearName = 'query' | 'key' | 'value' | 'output' | 'up' | 'down';

/** `count` times `batches` products of [m, k] and [k, n]. */
export interface Product {
  readonly kind: 'dense' | 'adapter' | 'attention';
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batches: number;
  readonly count: number;
}

/** Floating-point operations: a multiplication and an addition for each term. */
export function flopsOf(products: readonly Product[]): number {
  return products.reduce(
    (sum, { m, k, n, batches, count }) => sum + 2 * m * k * n * batches * count,
    0,
  );
}

/**
 * The matrix products that one step of plain LoRA has to compute, forward and backward; FMLoRA
 * computes them twice. What is not needed is not counted:
 *
 * - frozen weights get no gradient, so a frozen linear has one product backward (for its input)
 * - nothing below the first adapted linear is trained: the first block's query, key and value pass
 *   no gradient on to the embeddings, and an unadapted key there none at all
 * - a classifier reads the first token: the last block computes everything but its keys and values
 *   for `rows` positions instead of `rows * length`
 *
 * Elementwise work (softmax, GELU, norms, dropout, optimizer) and the host's r x r algebra are no
 * products and count 0, so a rate derived from this is that of the products alone. Equal products
 * are gathered.
 */
export function stepProducts(shape: StepShape): Product[] {
  const { rows, length, layers, hidden: d, intermediate: f, labels } = shape;
  const all: Product[] = [];
  /** Whether what flows has a gradient: a linear below needs none for its input. */
  let flowing = false;

  const linear = (
    name: LinearName | 'pooler',
    m: number,
    inputs: number,
    out: number,
    needed = flowing,
  ): boolean => {
    const adapted = name !== 'pooler' && shape.targets.includes(name);
    all.push(...linearProducts({ m, inputs, out, needed, rank: adapted ? shape.rank : 0 }));
    return needed || adapted;
  };

  for (let block = 0; block < layers; block++) {
    const m = rows * length;
    const asking = block === layers - 1 ? rows : m;
    const before: boolean = flowing;
    const [q, k, v]: [boolean, boolean, boolean] = [
      linear('query', asking, d, d, before),
      linear('key', m, d, d, before),
      linear('value', m, d, d, before),
    ];
    all.push(...attentionProducts(shape, asking / rows, { q, k, v }));
    flowing = before || q || k || v;
    flowing = linear('output', asking, d, d) || flowing;
    flowing = linear('up', asking, d, f) || flowing;
    flowing = linear('down', asking, f, d) || flowing;
  }
  flowing = linear('pooler', rows, d, d) || flowing;
  all.push(...headProducts(rows, d, labels, flowing));
  return gathered(all);
}

const one = { batches: 1, count: 1 } as const;

interface LinearShape {
  readonly m: number;
  readonly inputs: number;
  readonly out: number;
  /** Whether the gradient of the input is. */
  readonly needed: boolean;
  /** Of the adapter; 0 without one. */
  readonly rank: number;
}

function linearProducts({ m, inputs, out, needed, rank: r }: LinearShape): Product[] {
  const dense: Product[] = [{ kind: 'dense', m, k: inputs, n: out, ...one }];
  if (needed) dense.push({ kind: 'dense', m, k: out, n: inputs, ...one });
  if (r === 0) return dense;
  return [
    ...dense,
    { kind: 'adapter', m, k: inputs, n: r, ...one }, // x Aᵀ
    { kind: 'adapter', m, k: r, n: out, ...one }, // (x Aᵀ) Bᵀ
    { kind: 'adapter', m: out, k: m, n: r, ...one }, // g_B
    { kind: 'adapter', m, k: out, n: r, ...one }, // back through B
    { kind: 'adapter', m: r, k: m, n: inputs, ...one }, // g_A
    ...(needed ? [{ kind: 'adapter', m, k: r, n: inputs, ...one } as const] : []), // back through A
  ];
}

interface NeededGradients {
  readonly q: boolean;
  readonly k: boolean;
  readonly v: boolean;
}

/** Scores and mixture forward; backward the four gradients, as far as they are needed. */
function attentionProducts(
  { rows, length, hidden, heads }: StepShape,
  queries: number,
  needed: NeededGradients,
): Product[] {
  const width = hidden / heads;
  const of = (m: number, k: number, n: number): Product => ({
    ...{ kind: 'attention', m, k, n },
    ...{ batches: rows * heads, count: 1 },
  });
  return [
    of(queries, width, length), // q kᵀ
    of(queries, length, width), // p v
    ...(needed.v ? [of(length, queries, width)] : []), // pᵀ dy
    ...(needed.q || needed.k ? [of(queries, width, length)] : []), // dp = dy vᵀ
    ...(needed.q ? [of(queries, length, width)] : []), // ds k
    ...(needed.k ? [of(length, queries, width)] : []), // dsᵀ q
  ];
}

/** The classifier, which is trained in full. */
function headProducts(rows: number, d: number, labels: number, needed: boolean): Product[] {
  return [
    { kind: 'dense', m: rows, k: d, n: labels, ...one },
    { kind: 'dense', m: labels, k: rows, n: d, ...one }, // dW
    ...(needed ? [{ kind: 'dense', m: rows, k: labels, n: d, ...one } as const] : []),
  ];
}

function gathered(products: readonly Product[]): Product[] {
  const byShape = new Map<string, Product>();
  for (const product of products) {
    const { kind, m, k, n, batches } = product;
    const key = [kind, m, k, n, batches].join();
    const before = byShape.get(key)?.count ?? 0;
    byShape.set(key, { ...product, count: before + product.count });
  }
  return [...byShape.values()];
}
