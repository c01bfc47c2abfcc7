/* Products of small matrices, a register tile at a time. */
#ifndef FLATSCAPE_TILE_H
#define FLATSCAPE_TILE_H

#include <stdlib.h>

#include "lanes.h"

/* Columns rounded up to whole tiles: the row length of a packed operand. */
INLINE int64_t padded(int64_t columns) {
  return (columns + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

/* The left operand: element (i, p) lies at i·row + p·column. */
typedef struct {
  const float *at;
  int64_t row, column;
} Left;

/* to[rows × TILE_COLUMNS] = a·b, b a packed panel; `columns` of them are stored. */
INLINE void tile(const int rows, Left a, const float *b, int64_t bRow, int64_t k, float *to,
                 int64_t toRow, int64_t columns) {
  Vector sum[TILE_ROWS][2];
  for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (Vector){0};
  for (int64_t p = 0; p < k; p++) {
    Vector left = load(b), right = load(b + LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      float x = a.at[i * a.row + p * a.column];
      sum[i][0] += x * left;
      sum[i][1] += x * right;
    }
    b += bRow;
  }
  for (int i = 0; i < rows; i++, to += toRow) {
    if (columns == TILE_COLUMNS) {
      store(to, sum[i][0]);
      store(to + LANES, sum[i][1]);
    } else {
      memcpy(to, sum[i], (size_t)columns * sizeof *to);
    }
  }
}

/* to [m, n] = a [m, k]·b [k, n], b packed in rows of padded(n). */
static void multiply(Left a, const float *b, float *to, int64_t toRow, int64_t m, int64_t n, int64_t k) {
  const int64_t bRow = padded(n);
  for (int64_t j = 0; j < n; j += TILE_COLUMNS) {
    int64_t columns = n - j < TILE_COLUMNS ? n - j : TILE_COLUMNS;
    if (m < TILE_ROWS) {
      for (int64_t i = 0; i < m; i++) {
        Left from = {a.at + i * a.row, a.row, a.column};
        tile(1, from, b + j, bRow, k, to + i * toRow + j, toRow, columns);
      }
      continue;
    }
    for (int64_t i = 0; i < m; i += TILE_ROWS) {
      /* The last tile overlaps the one before. */
      int64_t top = i + TILE_ROWS <= m ? i : m - TILE_ROWS;
      Left from = {a.at + top * a.row, a.row, a.column};
      tile(TILE_ROWS, from, b + j, bRow, k, to + top * toRow + j, toRow, columns);
    }
  }
}

/* to [rows, padded(columns)] from rows that lie `row` apart. */
static void pack(const float *from, int64_t row, int64_t rows, int64_t columns, float *to) {
  const int64_t width = padded(columns);
  for (int64_t i = 0; i < rows; i++, from += row, to += width) {
    memcpy(to, from, (size_t)columns * sizeof *to);
    memset(to + columns, 0, (size_t)(width - columns) * sizeof *to);
  }
}

/* The same of the transpose: `columns` rows of `rows` numbers are read. */
static void packTransposed(const float *from, int64_t row, int64_t rows, int64_t columns, float *to) {
  const int64_t width = padded(columns);
  for (int64_t i = 0; i < rows; i++, to += width) {
    for (int64_t j = 0; j < columns; j++) to[j] = from[j * row + i];
    memset(to + columns, 0, (size_t)(width - columns) * sizeof *to);
  }
}

/* Memory of this thread, kept for its next use; its content is not. NULL when there is none. */
static float *scratch(int64_t numbers) {
  static __thread float *block;
  static __thread int64_t size;
  if (numbers > size) {
    free(block);
    size = 0;
    block = aligned_alloc(64, ((size_t)numbers * sizeof *block + 63) / 64 * 64);
    if (block) size = numbers;
  }
  return block;
}

#endif
