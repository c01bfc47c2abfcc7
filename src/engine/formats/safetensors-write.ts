import type { FileHandle } from 'node:fs/promises';
import { replaceFile } from './atomic-file';
import { DTYPE_BYTES, type Dtype } from './dtypes';

/** Values decide the dtype: Float32Array is F32, BigInt64Array I64, and so on. */
export type WritableValues =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

export interface WritableTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: WritableValues;
}

/**
 * Writes a safetensors file atomically, tensor by tensor, in the reference's order: descending
 * element size, then name. The header is padded so that the data starts on a multiple of 8.
 * @param metadata  defaults to `{format: 'pt'}`, which older releases of transformers insist on
 * @throws UserError `disk-full`, `write-failed`; Error for a shape that does not fit its values
 *         or a name used twice, which are bugs of the caller
 */
export async function writeSafetensors(
  file: string,
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const ordered = [...tensors].sort(
    (a, b) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1),
  );
  const header = encodeHeader(ordered, metadata);
  await replaceFile(file, async (handle) => {
    await writeAll(handle, header);
    for (const { values } of ordered) {
      await writeAll(handle, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  });
}

function encodeHeader(
  tensors: readonly WritableTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  // A plain object would move integer-like names to the front and lose `__proto__`.
  const entries = [`"__metadata__":${JSON.stringify(metadata)}`];
  const names = new Set<string>(['__metadata__']);
  let begin = 0;
  for (const { name, shape, values } of tensors) {
    if (names.has(name)) throw new Error(`tensor name used twice: ${name}`);
    names.add(name);
    const dtype = dtypeOf(values);
    const end = begin + values.byteLength;
    if (shape.reduce((product, n) => product * n, 1) * DTYPE_BYTES[dtype] !== end - begin)
      throw new Error(`${name}: shape [${shape.join(', ')}] but ${values.length} values`);
    const entry = JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
    entries.push(`${JSON.stringify(name)}:${entry}`);
    begin = end;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function dtypeOf(values: WritableValues): Dtype {
  if (values instanceof Float32Array) return 'F32';
  if (values instanceof Float64Array) return 'F64';
  if (values instanceof Int32Array) return 'I32';
  if (values instanceof Uint32Array) return 'U32';
  if (values instanceof BigInt64Array) return 'I64';
  if (values instanceof BigUint64Array) return 'U64';
  if (values instanceof Int16Array) return 'I16';
  if (values instanceof Uint16Array) return 'U16';
  return values instanceof Int8Array ? 'I8' : 'U8';
}

/** Keeps one write below the 2^31 - 1 bytes of the system call. */
const MAX_WRITE_BYTES = 1 << 26;

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, MAX_WRITE_BYTES);
    const { bytesWritten } = await handle.write(bytes, done, length);
    done += bytesWritten;
  }
}
