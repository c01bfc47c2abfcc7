import { delimiter, join } from 'node:path';
import type { InstallSource, NativeName, TensorflowName } from '../../../shared/backends';
import type { Staging } from './staging';

export interface InstallOptions {
  readonly name: NativeName;
  readonly source: InstallSource;
  /** With the source `dir`: the npm package, or a folder whose node_modules holds it. */
  readonly directory?: string;
  /** pip index; without it, pip's own configuration. */
  readonly index?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string, fraction?: number) => void;
  readonly stallMs?: number;
  /** Install `tensorflow-gpu` even where no driver of a GPU is found; tests do. */
  readonly withoutGpu?: boolean;
  /** The engine bundle that proves the result; without it, the one beside this code. */
  readonly engineScript?: string;
}

/** What one source needs to do its part. */
export interface InstallJob<Name extends NativeName = TensorflowName> extends InstallOptions {
  readonly name: Name;
  readonly staging: Staging;
  /** Folder of the npm package, there once `run` is called. */
  readonly packageFolder: string;
}

/** A source's share of an installation. */
export interface SourceInstall {
  /** What is installed, e.g. `tensorflow_cpu 2.21.0`. */
  readonly library: string;
  /** Refuses before anything is downloaded. */
  check(): Promise<void>;
  /** Puts library and addon into the npm package. */
  run(): Promise<void>;
}

/** The options that every tool of an installation shares. */
export function tooling({ signal, stallMs }: InstallOptions) {
  return { ...(signal && { signal }), ...(stallMs !== undefined && { stallMs }) };
}

/** Scripts of packages find their helpers on the PATH, and Electron behaves as Node. */
export function toolEnvironment(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'node_modules', '.bin');
  const path = `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
  return { ...process.env, PATH: path, ELECTRON_RUN_AS_NODE: '1' };
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
