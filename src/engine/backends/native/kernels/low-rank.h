/* base + scaling·narrow·bᵀ for a few columns of `narrow`. */
#include "compute.h"
#include "pool.h"
#include "tile.h"

typedef struct {
  const LowRank *call;
  const float *packed; /* bᵀ [r, padded(n)] */
} LowRankPart;

static void lowRankPart(const void *context, int64_t begin, int64_t end) {
  const LowRankPart *part = context;
  const LowRank *call = part->call;
  const int64_t n = call->n, r = call->r, width = padded(n);
  for (int64_t i = begin; i < end; i++) {
    const float *restrict base = call->base + i * n, *restrict narrow = call->narrow + i * r;
    float *restrict out = call->out + i * n;
    for (int64_t j = 0; j < n; j += 4 * LANES) {
      int64_t columns = n - j < 4 * LANES ? n - j : 4 * LANES;
      float sum[4 * LANES] = {0};
      for (int64_t p = 0; p < r; p++) {
        const float *restrict b = part->packed + p * width + j;
        float x = narrow[p];
        for (int q = 0; q < 4 * LANES; q++) sum[q] += x * b[q];
      }
      for (int64_t q = 0; q < columns; q++) out[j + q] = base[j + q] + call->scaling * sum[q];
    }
  }
}

static void addLowRank(const LowRank *call) {
  /* A block of four vectors may begin in the last tile. */
  float *packed = malloc((size_t)(call->r * padded(call->n) + 4 * LANES) * sizeof *packed);
  if (!packed) abort();
  packTransposed(call->b, call->r, call->r, call->n, packed);
  LowRankPart part = {call, packed};
  parallel(call->m, 4096 / (call->n + 1) + 1, lowRankPart, &part);
  free(packed);
}
