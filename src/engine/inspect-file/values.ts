import type { CheckpointTensor } from '../../shared/checkpoint/contents';
import { UserError } from '../../shared/errors';
import type { ByteSource } from '../formats/byte-source';
import { DTYPE_BYTES, isDtype, toF32, viewAs, type Dtype } from '../formats/dtypes';

/** Bytes per read: a multiple of every element size, whatever the tensor's own offset is. */
export const CHUNK_BYTES = 4 << 20;

export interface Chunk {
  /** As float64: exact, but for integers beyond 2^53. */
  readonly values: Float64Array | Float32Array;
  /** 64-bit integers among them that were rounded. */
  readonly rounded: number;
  /** Bytes of the tensor read so far, and in all. */
  readonly done: number;
  readonly total: number;
}

/**
 * All values of a tensor in order, a few megabytes at a time.
 * @throws UserError `dtype-unsupported`, and those of the source
 */
export async function* valuesOf(
  source: ByteSource,
  tensor: CheckpointTensor,
): AsyncGenerator<Chunk> {
  const dtype = readableDtype(source, tensor);
  const total = tensor.end - tensor.begin;
  for (let done = 0; done < total;) {
    const length = Math.min(CHUNK_BYTES, total - done);
    const buffer = new ArrayBuffer(length);
    await source.read(new Uint8Array(buffer), tensor.begin + done);
    done += length;
    yield { ...widen(dtype, buffer), done, total };
  }
}

/** A whole tensor in float64. @throws as `valuesOf` */
export async function allValues(
  source: ByteSource,
  tensor: CheckpointTensor,
  read: (bytes: number) => void,
): Promise<Float64Array> {
  const bytes = DTYPE_BYTES[readableDtype(source, tensor)];
  const all = new Float64Array((tensor.end - tensor.begin) / bytes);
  let at = 0;
  let before = 0;
  for await (const { values, done } of valuesOf(source, tensor)) {
    all.set(values, at);
    at += values.length;
    read(done - before);
    before = done;
  }
  return all;
}

function readableDtype({ file }: ByteSource, { name, dtype }: CheckpointTensor): Dtype {
  if (isDtype(dtype)) return dtype;
  throw new UserError({
    code: 'dtype-unsupported',
    message: `there are no statistics for values of type ${dtype}, which no number type here holds`,
    place: { file, at: name },
    expected: Object.keys(DTYPE_BYTES).join(', '),
    found: dtype,
    remedy: 'Shape and size are shown; save the tensor unquantised to see its values.',
  });
}

function widen(dtype: Dtype, buffer: ArrayBuffer): Pick<Chunk, 'values' | 'rounded'> {
  const stored = viewAs(dtype, buffer);
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) {
    const values = new Float64Array(stored.length);
    let rounded = 0;
    stored.forEach((value: bigint, i: number) => {
      values[i] = Number(value);
      if (!Number.isSafeInteger(values[i]) && BigInt(values[i] as number) !== value) rounded++;
    });
    return { values, rounded };
  }
  if (stored instanceof Float64Array || stored instanceof Float32Array)
    return { values: stored, rounded: 0 };
  // 16-bit floats widen exactly; of the rest every value is a float64.
  if (dtype === 'F16' || dtype === 'BF16') return { values: toF32(dtype, stored, {}), rounded: 0 };
  return { values: Float64Array.from(stored), rounded: 0 };
}
