import { loadLanes, multiplyAdd, storeLanes } from './lanes';

/** Rows and columns of the tile that is summed in registers: 8 sums, 2 of B, 1 of A. */
const TILE_ROWS: i32 = 4;
const TILE_COLUMNS: i32 = 8;

/** Inner indices at a time: a panel of B [512][8] then stays in the first-level cache. */
const INNER: i32 = 512;

/** Columns in one call: the panels of B, 128 KiB, then stay in the second-level cache. */
export const MOST_COLUMNS: i32 = 64;

/** Bytes that `multiply` needs: a tile, four rows of A, and the panels of B. */
export const PRODUCT_SCRATCH: i32 =
  4 * (TILE_ROWS * TILE_COLUMNS + INNER * (TILE_ROWS + MOST_COLUMNS));

/**
 * C = scale·A·B + start for A [m, k], B [k, n], n ≤ MOST_COLUMNS.
 *
 * Addresses and distances are in bytes; `aInner` is the distance between neighbours along k. Of the
 * two distances of A and of B one must be 4. `start` is 0 for nothing, or an address: a matrix, or
 * with `startRow` 0 one row for all. Each element is summed in the order of k, whatever m and n are,
 * so that a product may be split over rows and columns without a change in its bits.
 */
export function multiply(
  a: usize,
  aRow: i32,
  aInner: i32,
  b: usize,
  bInner: i32,
  bColumn: i32,
  c: usize,
  cRow: i32,
  m: i32,
  n: i32,
  k: i32,
  scale: f32,
  start: usize,
  startRow: i32,
  scratch: usize,
): void {
  const tile = scratch;
  const strip = tile + 4 * TILE_ROWS * TILE_COLUMNS;
  const panels = strip + 4 * TILE_ROWS * INNER;
  for (let p = 0; p < k; p += INNER) {
    const inner = min(INNER, k - p);
    packPanels(b + p * bInner, bInner, bColumn, n, inner, panels);
    for (let i = 0; i < m; i += TILE_ROWS) {
      const rows = min(TILE_ROWS, m - i);
      let left = a + i * aRow + p * aInner;
      let leftRow = aRow;
      if (aInner != 4) {
        packRows(left, aInner, rows, inner, strip);
        left = strip;
        leftRow = 4 * INNER;
      }
      for (let j = 0; j < n; j += TILE_COLUMNS) {
        const columns = min(TILE_COLUMNS, n - j);
        const target = c + i * cRow + 4 * j;
        const from = p > 0 ? target : start == 0 ? 0 : start + i * startRow + 4 * j;
        const fromRow = p > 0 ? cRow : startRow;
        const panel = panels + 4 * j * inner;
        if (rows == TILE_ROWS && columns == TILE_COLUMNS) {
          multiplyTile(
            left,
            leftRow,
            3 * leftRow,
            panel,
            inner,
            target,
            cRow,
            scale,
            from,
            fromRow,
          );
        } else {
          // Rows beyond the edge repeat the last one, so that nothing outside A is read.
          multiplyTile(left, leftRow, (rows - 1) * leftRow, panel, inner, tile, 32, 1, 0, 0);
          storeEdge(tile, rows, columns, target, cRow, scale, from, fromRow);
        }
      }
    }
  }
}

/** Four rows of A times a panel of B [k][8]; `lastRow` is the distance of the last row there is. */
function multiplyTile(
  a0: usize,
  aRow: i32,
  lastRow: i32,
  panel: usize,
  k: i32,
  c: usize,
  cRow: i32,
  scale: f32,
  start: usize,
  startRow: i32,
): void {
  let a1 = a0 + min(aRow, lastRow);
  let a2 = a0 + min(2 * aRow, lastRow);
  let a3 = a0 + lastRow;
  let s00 = f32x4.splat(0),
    s01 = s00;
  let s10 = s00,
    s11 = s00;
  let s20 = s00,
    s21 = s00;
  let s30 = s00,
    s31 = s00;
  for (let p = 0; p < k; p++) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    const x0 = v128.load_splat<f32>(a0);
    s00 = multiplyAdd(x0, left, s00);
    s01 = multiplyAdd(x0, right, s01);
    const x1 = v128.load_splat<f32>(a1);
    s10 = multiplyAdd(x1, left, s10);
    s11 = multiplyAdd(x1, right, s11);
    const x2 = v128.load_splat<f32>(a2);
    s20 = multiplyAdd(x2, left, s20);
    s21 = multiplyAdd(x2, right, s21);
    const x3 = v128.load_splat<f32>(a3);
    s30 = multiplyAdd(x3, left, s30);
    s31 = multiplyAdd(x3, right, s31);
    panel += 32;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  storeRow(c, s00, s01, scale, start);
  if (start != 0) start += startRow;
  storeRow(c + cRow, s10, s11, scale, start);
  if (start != 0) start += startRow;
  storeRow(c + 2 * cRow, s20, s21, scale, start);
  if (start != 0) start += startRow;
  storeRow(c + 3 * cRow, s30, s31, scale, start);
}

function storeRow(c: usize, left: v128, right: v128, scale: f32, start: usize): void {
  let x = f32x4.mul(left, f32x4.splat(scale));
  let y = f32x4.mul(right, f32x4.splat(scale));
  if (start != 0) {
    x = f32x4.add(x, v128.load(start));
    y = f32x4.add(y, v128.load(start, 16));
  }
  v128.store(c, x);
  v128.store(c, y, 16);
}

/** The part of a tile that lies inside C. */
function storeEdge(
  tile: usize,
  rows: i32,
  columns: i32,
  c: usize,
  cRow: i32,
  scale: f32,
  start: usize,
  startRow: i32,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j += 4) {
      let x = f32x4.mul(v128.load(tile + 32 * i + 4 * j), f32x4.splat(scale));
      if (start != 0) x = f32x4.add(x, loadLanes(start + i * startRow + 4 * j, columns - j));
      storeLanes(c + i * cRow + 4 * j, x, columns - j);
    }
  }
}

/** B [k, n] as panels [n/8][k][8], the last one filled up with zeros. */
function packPanels(b: usize, bInner: i32, bColumn: i32, n: i32, k: i32, panel: usize): void {
  for (let j = 0; j < n; j += TILE_COLUMNS) {
    const columns = min(TILE_COLUMNS, n - j);
    const from = b + j * bColumn;
    if (bColumn == 4) copyPanel(from, bInner, columns, k, panel);
    else {
      transposePanel(from, bColumn, columns, k, panel);
    }
    panel += 32 * k;
  }
}

function copyPanel(b: usize, bInner: i32, columns: i32, k: i32, panel: usize): void {
  for (let p = 0; p < k; p++) {
    if (columns == TILE_COLUMNS) {
      v128.store(panel, v128.load(b));
      v128.store(panel, v128.load(b, 16), 16);
    } else {
      v128.store(panel, loadLanes(b, columns));
      v128.store(panel, columns > 4 ? loadLanes(b + 16, columns - 4) : f32x4.splat(0), 16);
    }
    b += bInner;
    panel += 32;
  }
}

function transposePanel(b: usize, bColumn: i32, columns: i32, k: i32, panel: usize): void {
  for (let half = 0; half < TILE_COLUMNS; half += 4) {
    const inside = min(4, columns - half);
    const from = b + half * bColumn;
    const to = panel + 4 * half;
    if (inside > 0) transposeRows(from, bColumn, inside, k, to, 32);
    else for (let p = 0; p < k; p++) v128.store(to + 32 * p, f32x4.splat(0));
  }
}

/**
 * to[p][q] = from[q][p] for the four q, of which those beyond `count` repeat the last: what they
 * give is never part of a result.
 */
function transposeRows(from: usize, fromRow: i32, count: i32, k: i32, to: usize, toRow: i32): void {
  const last = (count - 1) * fromRow;
  let r0 = from;
  let r1 = from + min(fromRow, last);
  let r2 = from + min(2 * fromRow, last);
  let r3 = from + last;
  for (let p = 0; p < k; p += 4) {
    const left = k - p;
    const x0 = loadLanes(r0, left);
    const x1 = loadLanes(r1, left);
    const x2 = loadLanes(r2, left);
    const x3 = loadLanes(r3, left);
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i32>(low01, low23, 0, 1, 4, 5));
    if (left > 1) v128.store(to + toRow, v128.shuffle<i32>(low01, low23, 2, 3, 6, 7));
    if (left > 2) v128.store(to + 2 * toRow, v128.shuffle<i32>(high01, high23, 0, 1, 4, 5));
    if (left > 3) v128.store(to + 3 * toRow, v128.shuffle<i32>(high01, high23, 2, 3, 6, 7));
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
    to += 4 * toRow;
  }
}

/** Up to four neighbouring columns of a matrix [k, ..] as rows, INNER apart, of `strip`. */
function packRows(a: usize, aInner: i32, count: i32, k: i32, strip: usize): void {
  const row = 4 * INNER;
  for (let p = 0; p < k; p += 4) {
    const left = k - p;
    const x0 = loadLanes(a, count);
    const x1 = left > 1 ? loadLanes(a + aInner, count) : x0;
    const x2 = left > 2 ? loadLanes(a + 2 * aInner, count) : x0;
    const x3 = left > 3 ? loadLanes(a + 3 * aInner, count) : x0;
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    v128.store(strip, v128.shuffle<i32>(low01, low23, 0, 1, 4, 5));
    v128.store(strip + row, v128.shuffle<i32>(low01, low23, 2, 3, 6, 7));
    v128.store(strip + 2 * row, v128.shuffle<i32>(high01, high23, 0, 1, 4, 5));
    v128.store(strip + 3 * row, v128.shuffle<i32>(high01, high23, 2, 3, 6, 7));
    a += 4 * aInner;
    strip += 16;
  }
}
