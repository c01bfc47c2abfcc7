import type { BackendName } from '../../shared/backends';

/** A TensorFlow.js backend: one file each, one line in the registry. */
export interface Backend {
  readonly name: BackendName;
  /** One sentence for run.json and the preflight. */
  readonly summary: string;
  /**
   * Makes it the current backend of TensorFlow.js in this process.
   * @throws UserError when it cannot start here, with the reason and a remedy
   */
  start(): Promise<void>;
  /** What it computes on, once started, where that is not the machine's processor. */
  readonly device?: Device | undefined;
  /** Bytes it may use; the preflight compares its estimate. */
  readonly memoryLimit: number;
}

export interface Device {
  /** As its driver names it. */
  readonly name: string;
  /** A driver that computes on the processor after all: not what `auto` is looking for. */
  readonly software: boolean;
}

export interface RefusedBackend {
  readonly name: BackendName;
  /** In words that a user can act on. */
  readonly reason: string;
  /** Whether it is there and should have worked: worth a warning. */
  readonly installed: boolean;
}

export interface BackendChoice {
  readonly name: BackendName;
  readonly reason: string;
  readonly device?: string;
  readonly refused: readonly RefusedBackend[];
}
