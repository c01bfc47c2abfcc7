/** A TensorFlow.js backend: one file each, one line in the registry. */
export interface Backend {
  readonly name: 'wasm' | 'cpu';
  /** One sentence for run.json and the preflight. */
  readonly summary: string;
  /**
   * Makes it the current backend of TensorFlow.js in this process.
   * @throws UserError when it cannot start here, with the reason and a remedy
   */
  start(): Promise<void>;
  /** Bytes it may use; the preflight compares its estimate. */
  readonly memoryLimit: number;
}

export interface BackendChoice {
  readonly name: Backend['name'];
  readonly reason: string;
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}
