import { describe, expect, it } from 'vitest';
import { estimateMemory } from '../../../src/engine/runs/memory-estimate';

/** MiB that the process had at its peak (VmHWM), EFMLoRA or LoRA with r 8 on query and value. */
const MEASURED = [
  { model: 'minilm', rows: 16, length: 64, fused: true, peak: 836 },
  { model: 'minilm', rows: 16, length: 128, fused: true, peak: 1212 },
  { model: 'minilm', rows: 8, length: 256, fused: true, peak: 1299 },
  { model: 'minilm', rows: 32, length: 128, fused: true, peak: 1831 },
  { model: 'base', rows: 8, length: 128, fused: true, peak: 2369 },
  { model: 'minilm', rows: 16, length: 64, fused: false, peak: 1227 },
  { model: 'minilm', rows: 16, length: 128, fused: false, peak: 2176 },
  { model: 'minilm', rows: 32, length: 128, fused: false, peak: 3812 },
  { model: 'base', rows: 8, length: 64, fused: false, peak: 2219 },
] as const;

const MODELS = {
  minilm: { layers: 6, hidden: 384, intermediate: 1536, heads: 12, frozenOther: 12.06e6 },
  base: { layers: 12, hidden: 768, intermediate: 3072, heads: 12, frozenOther: 23.85e6 },
};

/** MiB of the wasm heap, which only grows, after three steps of EFMLoRA. */
const WASM_HEAPS = [
  { model: 'minilm', rows: 16, length: 64, fused: true, peak: 358 },
  { model: 'minilm', rows: 16, length: 128, fused: true, peak: 716 },
  { model: 'minilm', rows: 32, length: 128, fused: true, peak: 1245 },
  { model: 'base', rows: 8, length: 64, fused: true, peak: 989 },
  { model: 'base', rows: 8, length: 128, fused: true, peak: 1590 },
] as const;

/** Above rather than below: the estimate decides whether a run may start. */
const [BELOW, ABOVE] = [0.95, 1.2];

describe.each([
  { backend: 'tensorflow', measured: MEASURED },
  { backend: 'wasm', measured: WASM_HEAPS },
])('the estimate for $backend', ({ backend, measured }) => {
  it.each([...measured])('$model $rows x $length, fused $fused', ({ model, peak, ...batch }) => {
    const size = MODELS[model];
    const { layers, hidden, intermediate } = size;
    const frozenLinear = layers * (4 * hidden ** 2 + 2 * hidden * intermediate);
    const trainable = layers * 12 * 8 * hidden;
    const bytes = estimateMemory({ ...size, ...batch, frozenLinear, trainable }, backend);
    expect(bytes / 2 ** 20 / peak).toBeGreaterThan(BELOW);
    expect(bytes / 2 ** 20 / peak).toBeLessThan(ABOVE);
  });
});
