export interface MemoryShape {
  /** Parameters of frozen linears; of tables and everything else frozen; trained. */
  readonly frozenLinear: number;
  readonly frozenOther: number;
  readonly trainable: number;
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  /** Rows and tokens of one forward pass. */
  readonly rows: number;
  readonly length: number;
}

const F32 = 4;

/**
 * Peak memory of training in bytes, an estimate:
 *
 * - frozen linears four times on wasm (W, its transpose, and XNNPACK's packed copy of each), twice
 *   elsewhere; the rest of the frozen weights once
 * - trained parameters six times: value, next value, gradient, two moments, perturbation
 * - activations that the backward pass keeps, per layer: 12 of [tokens, hidden] (inputs and outputs
 *   of the linears, norms, residuals), 4 of [tokens, intermediate] and 4 of [rows, heads, length,
 *   length]; half as much again for gradients in flight
 */
export function estimateMemory(shape: MemoryShape, backend: string): number {
  const tokens = shape.rows * shape.length;
  const perLayer =
    12 * tokens * shape.hidden +
    4 * tokens * shape.intermediate +
    4 * shape.rows * shape.heads * shape.length * shape.length;
  const weights = (backend === 'wasm' ? 4 : 2) * shape.frozenLinear + shape.frozenOther;
  const activations = 1.5 * shape.layers * perLayer;
  return F32 * (weights + 6 * shape.trainable + activations);
}
