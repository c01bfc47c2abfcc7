import { UserError, type ErrorPlace } from '../../shared/errors';

/** Bytes per element of every safetensors dtype that we can read. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

/** The stored numbers as they are; F16 and BF16 as their 16-bit patterns. */
export type TensorValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** Legal in the format, without a number type here: bits per element; refused when read. */
export const UNSUPPORTED_DTYPE_BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  C64: 64,
};

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

/**
 * A typed array over `buffer`, which holds exactly the tensor's bytes from offset 0 (so it is
 * aligned whatever the file's offsets are). Both the format and every supported host are
 * little-endian.
 */
export function viewAs(dtype: Dtype, buffer: ArrayBuffer): TensorValues {
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return new Uint8Array(buffer);
    case 'I8':
      return new Int8Array(buffer);
    case 'U16':
    case 'F16':
    case 'BF16':
      return new Uint16Array(buffer);
    case 'I16':
      return new Int16Array(buffer);
    case 'U32':
      return new Uint32Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'F32':
      return new Float32Array(buffer);
    case 'U64':
      return new BigUint64Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    case 'F64':
      return new Float64Array(buffer);
  }
}

/**
 * Stored values as float32. F16 and BF16 are widened exactly; integers must be exact in float32
 * and F64 must not overflow it (rounding of F64 is accepted, as in a cast).
 * @throws UserError `tensor-out-of-range`
 */
export function toF32(dtype: Dtype, values: TensorValues, place: ErrorPlace): Float32Array {
  if (values instanceof Float32Array) return values;
  if (dtype === 'BF16') return widenBf16(values as Uint16Array);
  if (dtype === 'F16') return widenF16(values as Uint16Array);
  const wide = toF64(dtype, values, place);
  const out = Float32Array.from(wide);
  const kept = (i: number): boolean =>
    dtype === 'F64' ? Number.isFinite(out[i]) || !Number.isFinite(wide[i]) : out[i] === wide[i];
  const bad = wide.findIndex((_, i) => !kept(i));
  if (bad >= 0) throw outOfRange(place, dtype, bad, String(values[bad]), 'float32');
  return out;
}

/**
 * Stored values as float64, exact for every dtype; 64-bit integers beyond 2^53 are refused.
 * @throws UserError `tensor-out-of-range`
 */
export function toF64(dtype: Dtype, values: TensorValues, place: ErrorPlace): Float64Array {
  if (values instanceof Float64Array) return values;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Float64Array.from(values, (value, i) => {
      if (BigInt(Number(value)) !== value)
        throw outOfRange(place, dtype, i, String(value), 'float64');
      return Number(value);
    });
  }
  if (dtype === 'F16' || dtype === 'BF16') return Float64Array.from(toF32(dtype, values, place));
  if (dtype === 'BOOL') checkBool(values as Uint8Array, place);
  return Float64Array.from(values);
}

function widenBf16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(wide.buffer);
}

function widenF16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = f16ToF32Bits(bits[i] ?? 0);
  return new Float32Array(wide.buffer);
}

function f16ToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is fraction * 2^-24, a normal float32: shift its leading bit out.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function checkBool(values: Uint8Array, place: ErrorPlace): void {
  const bad = values.findIndex((value) => value > 1);
  if (bad >= 0) throw outOfRange(place, 'BOOL', bad, String(values[bad]), '0 or 1');
}

function outOfRange(
  place: ErrorPlace,
  dtype: Dtype,
  index: number,
  found: string,
  expected: string,
): UserError {
  return new UserError({
    code: 'tensor-out-of-range',
    message: `element ${index} of this ${dtype} tensor cannot be represented`,
    place,
    expected: `a value within ${expected}`,
    found,
  });
}
