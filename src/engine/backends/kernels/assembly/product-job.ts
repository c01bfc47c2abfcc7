import { MOST_COLUMNS, multiply } from './product';

/** C = scale·A·B + start, for one matrix or several; an item is a block of C. */
@unmanaged
export class ProductJob {
  m: i32;
  n: i32;
  k: i32;
  /** Distances in bytes, as in `multiply`; `next` to the following matrix, 0 to repeat one. */
  a: usize;
  aRow: i32;
  aInner: i32;
  aNext: i32;
  b: usize;
  bInner: i32;
  bColumn: i32;
  bNext: i32;
  c: usize;
  scale: f32;
  start: usize;
  startRow: i32;
  /** Rows of an item, a multiple of the four of a tile; items along the rows of one matrix. */
  blockRows: i32;
  rowBlocks: i32;
}

export function productItem(job: ProductJob, item: i32, scratch: usize): void {
  const columnBlocks = (job.n + MOST_COLUMNS - 1) / MOST_COLUMNS;
  const column = (item % columnBlocks) * MOST_COLUMNS;
  const block = item / columnBlocks;
  const row = (block % job.rowBlocks) * job.blockRows;
  const matrix = block / job.rowBlocks;
  const cRow = 4 * job.n;
  multiply(
    job.a + matrix * job.aNext + row * job.aRow,
    job.aRow,
    job.aInner,
    job.b + matrix * job.bNext + column * job.bColumn,
    job.bInner,
    job.bColumn,
    job.c + (matrix * job.m + row) * cRow + 4 * column,
    cRow,
    min(job.blockRows, job.m - row),
    min(MOST_COLUMNS, job.n - column),
    job.k,
    job.scale,
    job.start == 0 ? 0 : job.start + row * job.startRow + 4 * column,
    job.startRow,
    scratch,
  );
}
