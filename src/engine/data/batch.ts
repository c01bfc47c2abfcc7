/**
 * One padded batch, flat and row-major. `length` is that of its longest sequence.
 * For classification `labels` is [rows]; for masked or causal language modelling it is
 * [rows * length] with `IGNORED_LABEL` where no loss is taken.
 */
export interface Batch {
  readonly rows: number;
  readonly length: number;
  /** [rows, length]; the tokenizer's pad id where `mask` is 0. */
  readonly inputIds: Int32Array;
  /** [rows, length]; 0 for the first text, 1 for the second where the family has types. */
  readonly typeIds: Int32Array;
  /** [rows, length]; 1 where the token is real, 0 where it pads. */
  readonly mask: Int32Array;
  readonly labels: Int32Array;
  /** 1-based line (or row) of each example in its data file, for messages. */
  readonly lines?: readonly number[];
}

/** The label PyTorch's cross-entropy ignores; kept so that references agree. */
export const IGNORED_LABEL = -100;
