/* Scalar functions that compilers vectorise, and the vector type of register tiles. */
#ifndef FLATSCAPE_LANES_H
#define FLATSCAPE_LANES_H

#include <stdint.h>
#include <string.h>

/* Numbers in a vector, and rows of a register tile (two vectors wide) that fit the registers. */
#if defined(__AVX512F__)
enum { LANES = 16, TILE_ROWS = 8 };
#elif defined(__AVX__)
enum { LANES = 8, TILE_ROWS = 6 };
#elif defined(__aarch64__)
enum { LANES = 4, TILE_ROWS = 8 };
#else
enum { LANES = 4, TILE_ROWS = 4 };
#endif
enum { TILE_COLUMNS = 2 * LANES };

typedef float Vector __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))
/* Sums in as many partial sums as there are lanes; the order is fixed by the loop alone. */
#define SIMD_SUM(...) _Pragma(STRINGIFY(omp simd reduction(+ : __VA_ARGS__)))
#define STRINGIFY(...) #__VA_ARGS__

INLINE Vector load(const float *from) {
  Vector v;
  memcpy(&v, from, sizeof v);
  return v;
}

INLINE void store(float *to, Vector v) { memcpy(to, &v, sizeof v); }

INLINE float bitsToFloat(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

INLINE uint32_t floatToBits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

/* exp(x) for x ≤ 0, within 1.1 units in the last place; 0 below the normal numbers. NaN stays. */
INLINE float expNegative(float x) {
  const float toInteger = 12582912.0f; /* 1.5·2²³: adding it rounds to an integer */
  float clamped = x < -87.0f ? -87.0f : x;
  float shifted = clamped * 1.44269504f + toInteger;
  float n = shifted - toInteger;
  /* ln 2 in two parts, the first with few bits. */
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  float scale = bitsToFloat((floatToBits(shifted) << 23) + 0x3f800000u);
  return x < -87.0f ? 0.0f : p * scale;
}

#endif
