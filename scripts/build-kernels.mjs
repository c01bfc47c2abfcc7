// Compiles the WebAssembly kernels of the engine, written in AssemblyScript, into a module that
// bundlers and tests can import. Run it after changing one of them; a test compares its output with
// what is checked in.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const KERNELS = fileURLToPath(new URL('../src/engine/backends/kernels', import.meta.url));

/** That of the package's module, shared; its limits in pages of 64 KiB. */
const MEMORY = [
  ...['--importMemory', '--noExportMemory', '--sharedMemory'],
  ...['--initialMemory', '1', '--maximumMemory', '65536'],
];

/** @returns {Promise<string>} the source of kernels.wasm.ts: the bytes of both modules, in base64 */
export async function kernelModule() {
  const [plain, fused] = [await compile(false), await compile(true)];
  return [
    '// Compiled from assembly/ by scripts/build-kernels.mjs.',
    '',
    '/** Every multiplication and addition rounds: runs wherever WebAssembly has SIMD. */',
    constant('KERNELS_WASM', plain),
    '',
    '/** With fused multiply-add: needs relaxed SIMD. */',
    constant('FUSED_KERNELS_WASM', fused),
    '',
  ].join('\n');
}

/** @returns {Promise<Uint8Array>} */
async function compile(fusedMultiplyAdd) {
  const errors = asc.createMemoryStream();
  const written = new Map();
  const { error } = await asc.main(
    [
      'assembly/index.ts',
      ...['--baseDir', KERNELS, '--outFile', 'kernels.wasm'],
      ...['--use', `FUSED_MULTIPLY_ADD=${fusedMultiplyAdd ? 1 : 0}`, '--use', 'abort='],
      ...['--enable', 'simd', '--enable', 'relaxed-simd', '--enable', 'threads'],
      ...['--optimizeLevel', '3', '--noAssert', '--runtime', 'stub', '--disable', 'bulk-memory'],
      ...MEMORY,
    ],
    { stderr: errors, writeFile: (name, contents) => written.set(name, contents) },
  );
  const binary = written.get('kernels.wasm');
  if (error || !binary) throw new Error(`The kernels do not compile:\n${errors.toString()}`);
  return binary;
}

function constant(name, bytes) {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,92}/g) ?? [];
  return `export const ${name} =\n${lines.map((line) => `  '${line}'`).join(' +\n')};`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  fs.writeFileSync(path.join(KERNELS, 'kernels.wasm.ts'), await kernelModule());
}
