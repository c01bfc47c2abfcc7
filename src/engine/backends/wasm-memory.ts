import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = 'tfjs-backend-wasm-simd.wasm';

/**
 * Has TensorFlow.js load its single-threaded module over a memory that threads can share. The
 * package's own threaded module needs a browser; ours work beside the single-threaded one.
 */
export function shareMemory(): void {
  const bytes = withSharedMemory(readFileSync(join(binaryFolder(), BINARY)));
  const url = `data:application/wasm;base64,${Buffer.from(bytes).toString('base64')}`;
  const others = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];
  // Through `fetch`, which knows these addresses.
  setWasmPaths(Object.fromEntries([BINARY, ...others].map((name) => [name, url])), true);
}

/** Beside the bundle when shipped, in the npm package when run from source. */
function binaryFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(here, BINARY))) return here;
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist');
}

const MEMORY_SECTION = 5;
/** One memory with a maximum, as the package's is; the same, shared. */
const [BOUNDED, SHARED] = [1, 3];

/**
 * The module with the one memory that it defines marked as shared; nothing else in it changes.
 * @throws Error when it defines none with a maximum: another version of the package
 */
export function withSharedMemory(module: Uint8Array): Uint8Array {
  const shared = Uint8Array.from(module);
  let at = 8; // behind the magic number and the version
  while (at < shared.length) {
    const section = shared[at];
    const size = readUnsigned(shared, at + 1);
    if (section === MEMORY_SECTION && shared[size.next] === 1) {
      if (shared[size.next + 1] !== BOUNDED) break;
      shared[size.next + 1] = SHARED;
      return shared;
    }
    at = size.next + size.value;
  }
  throw new Error('this module of TensorFlow.js defines no memory that could be shared');
}

/** An unsigned number in LEB128. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return { value, next: at };
  }
}
