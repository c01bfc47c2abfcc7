/* Dropout, whose mask is a pure function of two keys and the index of the element. */
#ifndef FLATSCAPE_DROPOUT_H
#define FLATSCAPE_DROPOUT_H

#include "compute.h"
#include "lanes.h"
#include "pool.h"

typedef struct {
  uint32_t first, second, last; /* the highest number that drops */
  float kept;
} Mask;

/* The mask from element `offset` on; only where the threshold is not 0. */
INLINE Mask maskFrom(const Dropout *drop, int64_t offset) {
  return (Mask){
      .first = (uint32_t)drop->keys[0] + (uint32_t)offset,
      .second = (uint32_t)drop->keys[1],
      .last = (uint32_t)(drop->threshold - 1),
      .kept = drop->kept,
  };
}

/* lowbias32, as in src/engine/ops/dropout.ts: the masks must be the same. */
INLINE uint32_t mix(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x21f0aaadu;
  h = (h ^ (h >> 15)) * 0x735a2d97u;
  return h ^ (h >> 15);
}

INLINE float maskAt(Mask mask, int64_t i) {
  return mix(mix((uint32_t)i + mask.first) ^ mask.second) <= mask.last ? 0.0f : mask.kept;
}

typedef struct {
  const float *x;
  float *out;
  const Dropout *drop;
} DropoutCall;

static void dropoutPart(const void *context, int64_t begin, int64_t end) {
  const DropoutCall *call = context;
  const Mask mask = maskFrom(call->drop, begin);
  const float *restrict x = call->x + begin;
  float *restrict out = call->out + begin;
  for (int64_t i = 0; i < end - begin; i++) out[i] = x[i] * maskAt(mask, i);
}

static void dropout(const float *x, float *out, int64_t size, const Dropout *drop) {
  DropoutCall call = {x, out, drop};
  parallel(size, 16384, dropoutPart, &call);
}

#endif
