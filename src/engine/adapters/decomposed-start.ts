import { UserError } from '../../shared/errors';
import { gramOfRows, multiply, symmetricEigen } from '../algebra/small-matrix';
import { orthonormal, transposeMultiply } from '../algebra/orthonormal';
import { generatorFor, normal } from './initialise';
import type { AdaptedModule } from './trainable-model';

/** Initialisations that take part of W into the pair, and leave the rest frozen. */
export type DecomposedInit = 'pissa' | 'olora' | `pissa_niter_${number}`;

export function isDecomposedInit(init: boolean | string): init is DecomposedInit {
  return typeof init === 'string' && (init === 'olora' || init.startsWith('pissa'));
}

export interface DecomposedStart {
  /** A [r, in] */
  readonly loraA: Float32Array;
  /** B [out, r] */
  readonly loraB: Float32Array;
  /** W − sBA [out, in] of the rounded factors, to be frozen. */
  readonly residual: Float32Array;
}

/**
 * Splits W into sBA and a residual, in float64 on the host.
 *
 * PiSSA (arXiv 2404.02948): W = U Σ Vᵀ, B = U_r (Σ_r/s)^½, A = (Σ_r/s)^½ V_rᵀ; with `_niter_N` from
 * a randomised range of W after N subspace iterations. OLoRA (arXiv 2406.01775): W = QR, B = Q_r,
 * A = R_r, so that the product carries s. Each pair of singular vectors has an arbitrary sign.
 * @param weight W [out, in]
 * @throws UserError `adapter-rank` if r exceeds the rank that W can have
 */
export function decomposedStart(
  weight: Float32Array,
  module: AdaptedModule,
  init: DecomposedInit,
  seed: number,
): DecomposedStart {
  const { out, in: inputs, rank, scaling } = module;
  if (rank > Math.min(out, inputs)) throw rankTooLarge(module, init);
  const basis = rangeOf(weight, module, init, seed); // Q [out, r]
  const inner = transposeMultiply(basis, weight, { rows: out, left: rank, right: inputs }); // QᵀW
  const { loraA, loraB } =
    init === 'olora' ? { loraA: inner, loraB: basis } : leadingPair(basis, inner, module);
  const a = Float32Array.from(loraA);
  const b = Float32Array.from(loraB);
  const product = multiply(b, a, { rows: out, inner: rank, columns: inputs });
  const residual = weight.map((value, i) => value - scaling * (product[i] as number));
  return { loraA: a, loraB: b, residual };
}

/** Q [out, r] with orthonormal columns: the columns' directions that the pair takes over. */
function rangeOf(
  weight: Float32Array,
  { out, in: inputs, rank, loraA }: AdaptedModule,
  init: DecomposedInit,
  seed: number,
): Float64Array {
  if (init === 'olora') {
    const first = Float64Array.from(
      { length: out * rank },
      (_, i) => weight[Math.floor(i / rank) * inputs + (i % rank)] as number,
    );
    return orthonormal(first, out, rank);
  }
  if (init === 'pissa') return leadingLeftVectors(weight, out, inputs, rank);
  const iterations = Number(init.slice('pissa_niter_'.length));
  const start = normal(inputs * rank, 1, generatorFor(seed, `${loraA}:pissa`));
  const forward = { rows: out, inner: inputs, columns: rank };
  let basis = orthonormal(multiply(weight, start, forward), out, rank);
  for (let i = 0; i < iterations; i++) {
    const back = transposeMultiply(weight, basis, { rows: out, left: inputs, right: rank });
    basis = orthonormal(multiply(weight, orthonormal(back, inputs, rank), forward), out, rank);
  }
  return basis;
}

/**
 * The r leading left singular vectors, from the eigenvectors of the smaller Gram: float64 keeps
 * singular values above 1e-8 of the largest, and the leading ones of a float32 weight are.
 */
function leadingLeftVectors(
  weight: Float32Array,
  out: number,
  inputs: number,
  rank: number,
): Float64Array {
  const wide = out <= inputs;
  const size = wide ? out : inputs;
  const gram = wide
    ? gramOfRows(weight, out, inputs)
    : transposeMultiply(weight, weight, { rows: out, left: inputs, right: inputs });
  const { values, vectors } = symmetricEigen(gram, size);
  const order = values.map((_, j) => j).sort((p, q) => (values[q] ?? 0) - (values[p] ?? 0));
  const leading = Float64Array.from(
    { length: size * rank },
    (_, i) => vectors[Math.floor(i / rank) * size + (order[i % rank] as number)] as number,
  );
  if (wide) return orthonormal(leading, out, rank);
  return orthonormal(
    multiply(weight, leading, { rows: out, inner: inputs, columns: rank }),
    out,
    rank,
  );
}

/** A and B of the singular value decomposition of Q(QᵀW). */
function leadingPair(
  basis: Float64Array,
  inner: Float64Array,
  { out, in: inputs, rank, scaling }: AdaptedModule,
): { loraA: Float64Array; loraB: Float64Array } {
  const { values, vectors } = symmetricEigen(gramOfRows(inner, rank, inputs), rank);
  const order = values.map((_, j) => j).sort((p, q) => (values[q] ?? 0) - (values[p] ?? 0));
  const sorted = Float64Array.from(
    { length: rank * rank },
    (_, i) => vectors[Math.floor(i / rank) * rank + (order[i % rank] as number)] as number,
  );
  const left = multiply(basis, sorted, { rows: out, inner: rank, columns: rank });
  // Uᵀ(QᵀW) = Σ Vᵀ
  const right = transposeMultiply(sorted, inner, { rows: rank, left: rank, right: inputs });
  const sigma = order.map((j) => Math.sqrt(Math.max(0, values[j] ?? 0)));
  return {
    loraB: left.map((u, i) => u * Math.sqrt((sigma[i % rank] as number) / scaling)),
    loraA: right.map((v, i) => {
      const value = sigma[Math.floor(i / inputs)] as number;
      return value > 0 ? v / Math.sqrt(value * scaling) : 0;
    }),
  };
}

function rankTooLarge({ path, out, in: inputs, rank }: AdaptedModule, init: string): UserError {
  return new UserError({
    code: 'adapter-rank',
    message: `\`init_lora_weights: ${init}\` has no directions for this rank`,
    place: { at: 'adapter.r' },
    expected: `at most ${Math.min(out, inputs)}, the smaller side of ${path}`,
    found: String(rank),
    remedy: 'Lower `adapter.r`, or leave the module out of `target_modules`.',
  });
}
