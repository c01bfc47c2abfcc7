import { AttentionJob, attentionGradientItem, attentionItem } from './attention';
import { NormGradientJob, NormJob, normGradientItem, normItem } from './norm';
import { DropoutJob, GeluJob, dropoutItem, geluItem } from './pointwise';
import { ProductJob, productItem } from './product-job';

/** Behind the words of `jobs.ts` in the control block: which kernel, its scratch, its operands. */
const KERNEL: usize = 192;
const SCRATCH: usize = 196;
const SCRATCH_BYTES: usize = 200; // of one thread
const OPERANDS: usize = 256;

/** In the order of KERNELS in src/engine/backends/wasm-jobs.ts. */
export function runItem(control: usize, thread: i32, item: i32): void {
  const operands = control + OPERANDS;
  const scratch = load<usize>(control, SCRATCH) + thread * load<i32>(control, SCRATCH_BYTES);
  switch (load<i32>(control, KERNEL)) {
    case 0:
      return productItem(changetype<ProductJob>(operands), item, scratch);
    case 1:
      return attentionItem(changetype<AttentionJob>(operands), item, scratch);
    case 2:
      return attentionGradientItem(changetype<AttentionJob>(operands), item, scratch);
    case 3:
      return normItem(changetype<NormJob>(operands), item);
    case 4:
      return normGradientItem(changetype<NormGradientJob>(operands), item);
    case 5:
      return geluItem(changetype<GeluJob>(operands), item);
    case 6:
      return dropoutItem(changetype<DropoutJob>(operands), item);
    default:
      unreachable();
  }
}
