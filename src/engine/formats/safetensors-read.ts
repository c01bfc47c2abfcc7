import { UserError } from '../../shared/errors';
import { openFileSource, type ByteSource } from './byte-source';
import { isDtype, toF32, toF64, viewAs, type Dtype, type TensorValues } from './dtypes';
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
  const source = await openFileSource(file);
  try {
    const { header, dataStart } = await readSafetensorsHeader(source);
    return openFile(source, header, dataStart);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openFile(
  source: ByteSource,
  header: SafetensorsHeader,
  dataStart: number,
): SafetensorsFile {
  const { file } = source;
  const readStored: SafetensorsFile['readStored'] = async (name) => {
    const { dtype, shape, begin, end } = readableEntry(header, file, name);
    const buffer = new ArrayBuffer(end - begin);
    await source.read(new Uint8Array(buffer), dataStart + begin);
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
    close: () => source.close(),
  };
}

/**
 * Reads and checks the header, and nothing behind it.
 * @returns the header, and the position in the file from which its offsets count
 * @throws UserError `safetensors-invalid`, and those of the source
 */
export async function readSafetensorsHeader(
  source: ByteSource,
): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const { file, size } = source;
  const found = `a file of ${size} bytes`;
  if (size < 8)
    throw invalidSafetensors(file, { message: 'too short', expected: 'at least 8 bytes', found });
  const prefix = new Uint8Array(8);
  await source.read(prefix, 0);
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
  await source.read(json, 8);
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
