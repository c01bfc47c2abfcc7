import type { BackendName } from '../src/shared/backends';
import type { MethodName } from '../src/shared/methods';
import type { Product } from './flops';
import type { AdapterShape } from './models';

/** What a contender trains; the PyTorch one reads the same, but for the method. */
export interface Subject {
  /** Folder of the model and its batches. */
  readonly folder: string;
  /** Probability in all places of the model that have one; none in the adapter. */
  readonly dropout: number;
  readonly method: MethodName;
  /** Whether the per-layer quantities of every step are computed, as a run does by default. */
  readonly stepMetrics: boolean;
  readonly adapter: AdapterShape;
}

/** Requests to a worker, one JSON line each, by name; and what it answers. */
export interface WorkerCalls {
  /** First. Starts the backend. */
  start: { ask: { backend: BackendName }; answer: Versions };
  /** Then. */
  load: { ask: Subject; answer: Loaded };
  /** Loss of the first batch at the starting weights, without dropout. */
  loss: { ask: object; answer: { loss: number } };
  /** Saves the adapter as it stands. */
  save: { ask: { folder: string }; answer: object };
  steps: { ask: { count: number }; answer: StepTimes };
  /** Bare products with nothing around them: milliseconds for one of each, by index. */
  products: { ask: { products: readonly Product[] }; answer: { ms: number[] } };
  /** The r x r algebra of one step on values of the model's shapes. */
  algebra: { ask: { count: number }; answer: { ms: number[] } };
  memory: { ask: object; answer: MemoryUse };
  /** Opens a saved adapter on the model of a folder, for the calls below. */
  openLandscape: {
    ask: { folder: string; adapterFolder: string };
    answer: { modules: number };
  };
  landscape: { ask: { work: LandscapeWork; count: number }; answer: { ms: number[] } };
  /** The PyTorch contender answers it with PyHessian, of the adapter that it has loaded. */
  hessian: { ask: { probes: number; loader?: boolean }; answer: HessianTimes };
}

export type LandscapeWork =
  | 'gradient'
  | 'exact product'
  | 'difference product'
  /** One gradient, then a forward pass for each from its own block on. */
  | 'sharpness of all modules'
  /** The same without what the blocks before have made. */
  | 'sharpness, whole forward passes'
  /** A gradient and a whole forward pass for each. */
  | 'sharpness, module by module'
  | 'trace of all'
  | 'traces of all modules';

export interface HessianTimes {
  /** By power iteration until λ changes by less than 1e-3, and how many products that took. */
  readonly lambda: number;
  readonly products: number;
  readonly lambdaMs: number;
  readonly trace: number;
  readonly standardError: number;
  readonly traceMs: number;
}

export type Versions = Readonly<Record<string, string>>;

export interface Loaded {
  /** [out, in] of the adapted modules. */
  readonly modules: readonly (readonly [number, number])[];
}

export interface StepTimes {
  /** Milliseconds of each step, to the moment when its loss is known. */
  readonly ms: readonly number[];
  readonly losses: readonly number[];
}

export interface MemoryUse {
  /** Of the whole process, in bytes. */
  readonly rss: number;
  readonly peakRss: number;
  /** Bytes that the process holds on a graphics card; absent where nobody tells. */
  readonly device?: number;
  /** What TensorFlow.js knows of; absent for PyTorch. */
  readonly tensors?: { readonly count: number; readonly bytes: number };
}
