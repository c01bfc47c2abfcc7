import * as tf from '@tensorflow/tfjs-core';
import { densePerturbation } from '../algebra/applied-perturbation';
import {
  moduleGeometry,
  moduleGrams,
  type ModuleGeometry,
  type ModuleGrams,
  type ModulePoint,
} from '../algebra/module-geometry';
import { type Perturbation } from '../algebra/perturbation';
import { conditionNumber, symmetricEigen } from '../algebra/small-matrix';
import type { AdaptedModule } from '../adapters/trainable-model';
import { pointOf } from './measure-on-host';
import type { AppliedModule, MeasuredModules, MeasureRequest } from './measured-modules';
import { targetKey } from './perturbed-parameters';

/**
 * Condition numbers up to which float32 Grams are good enough: their error is then below 1.5e-5 of
 * g_B K_A⁻¹ and 9e-5 of E_B, and grows with the square. Beyond, a module is redone on the host.
 */
const WELL_CONDITIONED = { a: 30, b: 300 };

/** Modules of equal shape, and their thin matrices one on another. */
interface Stack {
  readonly modules: readonly AdaptedModule[];
  /** The target factor, B [L, n, r] or A [L, r, m], and its gradient. */
  readonly factor: tf.Tensor3D;
  readonly gradient: tf.Tensor3D;
  /** Of r x r blocks: [A; g_A] and [B, g_B] with themselves, Ê with [Ê, F, g] and clean F with F. */
  readonly products: readonly tf.Tensor3D[];
}

/** What a module gives when its values were downloaded, or undefined where float32 is enough. */
type Redone = ReadonlyMap<string, ModulePoint>;

/** Grams on the device, in one read for all modules; the r x r solves in float64 on the host. */
export async function measureOnDevice(request: MeasureRequest): Promise<MeasuredModules> {
  const { modules, options } = request;
  const stacks = byShape(modules).map((equal) => stack(equal, request));
  const grams = await readBlocks(stacks);
  const redone = new Map<string, ModulePoint>();
  const geometries: ModuleGeometry[] = [];
  const applied: AppliedModule[] = [];
  for (const module of modules) {
    const { gram, onto } = grams.get(module.path) as ModuleBlocks;
    const geometry = moduleGeometry(gram, options);
    if (isWellConditioned(geometry)) geometries.push(geometry);
    else {
      const point = await pointOf(module, request);
      redone.set(module.path, point);
      geometries.push(moduleGeometry(moduleGrams(point), options));
    }
    if (onto) applied.push(onto);
  }
  return {
    geometries,
    applied,
    perturbation: (computed) => {
      const of = new Map(modules.map(({ path }, i) => [path, computed[i] as Perturbation]));
      const e = new Map(
        stacks.flatMap((s) => perturbationOf(s, { of, redone, target: options.perturb_target })),
      );
      // In the order of the modules.
      const keys = modules.map((module) => targetKey(module, options.perturb_target));
      return new Map(keys.map((key) => [key, e.get(key) as tf.Tensor]));
    },
    dispose: () => tf.dispose(stacks.flatMap(({ factor, gradient }) => [factor, gradient])),
  };
}

function isWellConditioned({ eigenA, eigenB, kB }: ModuleGeometry): boolean {
  const isZero = kB.every((value) => value === 0);
  return (
    conditionNumber(eigenA) <= WELL_CONDITIONED.a &&
    (isZero || conditionNumber(eigenB) <= WELL_CONDITIONED.b)
  );
}

function byShape(modules: readonly AdaptedModule[]): AdaptedModule[][] {
  const groups = new Map<string, AdaptedModule[]>();
  for (const module of modules) {
    const shape = `${module.out},${module.in},${module.rank}`;
    groups.set(shape, [...(groups.get(shape) ?? []), module]);
  }
  return [...groups.values()];
}

function stack(modules: readonly AdaptedModule[], request: MeasureRequest): Stack {
  const { parameters, gradients, options, applied } = request;
  const onB = options.perturb_target === 'B';
  const of = (
    tensors: ReadonlyMap<string, tf.Tensor>,
    key: (module: AdaptedModule) => string,
  ): tf.Tensor3D =>
    tf.stack(modules.map((module) => tensors.get(key(module)) as tf.Tensor2D)) as tf.Tensor3D;
  const ofA = (tensors: ReadonlyMap<string, tf.Tensor>) => of(tensors, ({ loraA }) => loraA);
  const ofB = (tensors: ReadonlyMap<string, tf.Tensor>) => of(tensors, ({ loraB }) => loraB);
  const ofTarget = onB ? ofB : ofA;
  /** L Rᵀ of rows, or Lᵀ R of columns. */
  const product = (left: tf.Tensor3D, right: tf.Tensor3D, columns: boolean) =>
    tf.matMul(left, right, columns, !columns) as tf.Tensor3D;

  const tensors = tf.tidy(() => {
    const [a, gradA, b, gradB] = [
      ...[ofA(parameters), ofA(gradients)],
      ...[ofB(parameters), ofB(gradients)],
    ] as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    const [factor, gradient] = onB ? [b, gradB] : [a, gradA];
    const rows = tf.concat([a, gradA], 1);
    const columns = tf.concat([b, gradB], 2);
    const products = [product(rows, rows, false), product(columns, columns, true)];
    if (applied) {
      const e = ofTarget(applied.perturbation);
      const clean = ofTarget(applied.clean);
      products.push(product(e, tf.concat([e, factor, gradient], onB ? 2 : 1), onB));
      products.push(product(clean, clean, onB));
    }
    return { factor, gradient, products };
  });
  return { modules, ...tensors };
}

interface ModuleBlocks {
  readonly gram: ModuleGrams;
  readonly onto: AppliedModule | undefined;
}

/** Everything the stacks have computed, by module path, in one read; disposes the products. */
async function readBlocks(stacks: readonly Stack[]): Promise<ReadonlyMap<string, ModuleBlocks>> {
  const all = stacks.flatMap(({ products }) => products);
  const flat = tf.tidy(() => tf.concat(all.map((p) => tf.reshape(p, [p.size]))));
  const values = (await flat.data()) as Float32Array;
  tf.dispose([flat, ...all]);
  let at = 0;
  /** The products of the next stack that a module takes its blocks from. */
  const next = (product: tf.Tensor3D) => ({
    ...{ values, start: at, rows: product.shape[1], columns: product.shape[2] },
    end: (at += product.size),
  });
  const entries = stacks.flatMap(({ modules, products }) => {
    const parts = products.map(next);
    return modules.map(({ path, rank, scaling }, i): [string, ModuleBlocks] => {
      const block = (which: number, row: number, column: number) =>
        blockOf(parts[which] as Part, rank, [i, row, column]);
      const gram = {
        ...{ rank, scaling, kA: block(0, 0, 0), gradA: block(0, 1, 1) },
        ...{ kB: block(1, 0, 0), c0: block(1, 0, 1), gradB: block(1, 1, 1) },
      };
      if (parts.length === 2) return [path, { gram, onto: undefined }];
      const cleanGram = block(3, 0, 0);
      const onto = {
        ...{ gram: block(2, 0, 0), withFactor: block(2, 0, 1), withGradient: block(2, 0, 2) },
        ...{ cleanGram, cleanEigen: symmetricEigen(cleanGram, rank) },
      };
      return [path, { gram, onto }];
    });
  });
  return new Map(entries);
}

interface Part {
  readonly values: Float32Array;
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
}

/** Block (row, column) of r x r in matrix `index` of a product [L, rows, columns]. */
function blockOf(
  { values, start, rows, columns }: Part,
  rank: number,
  [index, row, column]: readonly [number, number, number],
): Float64Array {
  const block = new Float64Array(rank * rank);
  const corner = start + (index * rows + row * rank) * columns + column * rank;
  for (let p = 0; p < rank; p++)
    for (let q = 0; q < rank; q++) block[p * rank + q] = values[corner + p * columns + q] as number;
  return block;
}

/** E of a stack's modules, by key: g P + F Q for target B, P g + Q F for A. */
function perturbationOf(
  { modules, factor, gradient }: Stack,
  {
    of,
    redone,
    target,
  }: {
    readonly of: ReadonlyMap<string, Perturbation>;
    readonly redone: Redone;
    readonly target: 'A' | 'B';
  },
): [string, tf.Tensor][] {
  const { rank } = modules[0] as AdaptedModule;
  const small = (which: 'ofGradient' | 'ofFactor') => {
    const values = new Float32Array(modules.length * rank * rank);
    modules.forEach(({ path }, i) =>
      values.set((of.get(path) as Perturbation)[which], i * rank * rank),
    );
    return tf.tensor3d(values, [modules.length, rank, rank]);
  };
  const times = (thin: tf.Tensor3D, matrix: tf.Tensor3D) =>
    target === 'B' ? tf.matMul(thin, matrix) : tf.matMul(matrix, thin);
  const parts = tf.tidy(() =>
    tf.unstack(tf.add(times(gradient, small('ofGradient')), times(factor, small('ofFactor')))),
  );
  return modules.map((module, i) => {
    const part = parts[i] as tf.Tensor;
    const computed = of.get(module.path) as Perturbation;
    const point = redone.get(module.path);
    if (!point && !computed.degenerate) return [targetKey(module, target), part];
    part.dispose();
    const e = point
      ? tf.tensor(new Float32Array(densePerturbation(point, computed, target)), part.shape)
      : tf.zeros(part.shape);
    return [targetKey(module, target), e];
  });
}
