import { open, type FileHandle } from 'node:fs/promises';
import { UserError } from '../../shared/errors';
import { isDtype, toF32, toF64, viewAs, type Dtype, type TensorValues } from './dtypes';
import { readError } from '../../shared/file-errors';
import {
  MAX_HEADER_BYTES,
  invalidSafetensors,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header';

export interface F32Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** An open safetensors file. Reads are by position, so they may run at the same time. */
export interface SafetensorsFile extends SafetensorsHeader {
  readonly file: string;
  /** Widened to float32: F16, BF16 and BOOL exactly, F64 rounded, integers only where exact. */
  readF32(name: string): Promise<F32Tensor>;
  /** As float64, exact for every dtype that is read. */
  readF64(name: string): Promise<{ shape: readonly number[]; values: Float64Array }>;
  /** As stored; F16 and BF16 as bit patterns. */
  readStored(
    name: string,
  ): Promise<{ dtype: Dtype; shape: readonly number[]; values: TensorValues }>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file and checks its whole header against the file's length; no tensor is
 * read yet. The caller closes it.
 * @throws UserError `file-not-found`, `file-unreadable`, `safetensors-invalid`
 */
export async function openSafetensors(file: string): Promise<SafetensorsFile> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw readError(error, file);
  });
  try {
    const { header, dataStart } = await readHeader(handle, file);
    return openFile(file, handle, header, dataStart);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function openFile(
  file: string,
  handle: FileHandle,
  header: SafetensorsHeader,
  dataStart: number,
): SafetensorsFile {
  const readStored: SafetensorsFile['readStored'] = async (name) => {
    const { dtype, shape, begin, end } = readableEntry(header, file, name);
    const buffer = new ArrayBuffer(end - begin);
    await readExactly(handle, new Uint8Array(buffer), dataStart + begin, file);
    return { dtype, shape, values: viewAs(dtype, buffer) };
  };
  return {
    file,
    ...header,
    readStored,
    async readF32(name) {
      const { dtype, shape, values } = await readStored(name);
      return { shape, values: toF32(dtype, values, { file, at: name }) };
    },
    async readF64(name) {
      const { dtype, shape, values } = await readStored(name);
      return { shape, values: toF64(dtype, values, { file, at: name }) };
    },
    close: () => handle.close(),
  };
}

async function readHeader(
  handle: FileHandle,
  file: string,
): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const { size } = await handle.stat();
  const found = `a file of ${size} bytes`;
  if (size < 8)
    throw invalidSafetensors(file, { message: 'too short', expected: 'at least 8 bytes', found });
  const prefix = new Uint8Array(8);
  await readExactly(handle, prefix, 0, file);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  // The eight bytes of a pointer that Git leaves where a large file has not been fetched.
  if (new TextDecoder().decode(prefix) === 'version ') throw lfsPointer(file);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalidSafetensors(file, {
      message: 'the header length is not plausible: this is probably not a safetensors file',
      expected: `at most ${MAX_HEADER_BYTES} bytes`,
      found: `${length}`,
    });
  }
  const dataStart = 8 + Number(length);
  if (dataStart > size) {
    throw invalidSafetensors(file, {
      message: 'the header is truncated',
      expected: `at least ${dataStart} bytes`,
      found,
    });
  }
  const json = new Uint8Array(Number(length));
  await readExactly(handle, json, 8, file);
  return { header: parseSafetensorsHeader(json, size - dataStart, file), dataStart };
}

function lfsPointer(file: string): UserError {
  return new UserError({
    code: 'safetensors-invalid',
    message: 'this is not the file but a Git LFS pointer to it',
    place: { file },
    expected: 'safetensors',
    remedy: 'Fetch it with `git lfs pull`.',
  });
}

function readableEntry(
  header: SafetensorsHeader,
  file: string,
  name: string,
): TensorEntry & { dtype: Dtype } {
  const entry = header.tensors.get(name);
  if (!entry) {
    throw new UserError({
      code: 'tensor-missing',
      message: 'no tensor of this name',
      place: { file, at: name },
    });
  }
  const { dtype } = entry;
  if (isDtype(dtype)) return { ...entry, dtype };
  throw new UserError({
    code: 'dtype-unsupported',
    message: `tensors of type ${dtype} are not supported`,
    place: { file, at: name },
    expected: 'F32, F16, BF16, F64, an integer type or BOOL',
    found: dtype,
    remedy: 'Use a checkpoint that was saved unquantised.',
  });
}

/** One `read` returns at most 2^31 - 1 bytes, and may return fewer. */
const MAX_READ_BYTES = 1 << 30;

async function readExactly(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  file: string,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const length = Math.min(target.length - done, MAX_READ_BYTES);
    const { bytesRead } = await handle
      .read(target, done, length, position + done)
      .catch((error: unknown) => {
        throw readError(error, file);
      });
    if (bytesRead === 0)
      throw invalidSafetensors(file, { message: 'the file shrank while it was being read' });
    done += bytesRead;
  }
}
