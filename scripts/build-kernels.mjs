// Assembles the WebAssembly kernels of the engine into modules that bundlers and tests can import.
// Run it after changing a .wat file; a test compares its output with what is checked in.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const KERNELS = fileURLToPath(new URL('../src/engine/backends/kernels', import.meta.url));

/** @returns {Promise<string>} the module for a .wat file: its bytes, in base64 */
export async function kernelModule(file) {
  const { parseWat } = await wabt();
  const module = parseWat(path.basename(file), fs.readFileSync(file, 'utf8'), { simd: true });
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const name = path.basename(file, '.wat').toUpperCase();
  const lines = (base64.match(/.{1,92}/g) ?? []).map((line) => `  '${line}'`);
  return [
    `/** Assembled from ${path.basename(file)} by scripts/build-kernels.mjs. */`,
    `export const ${name}_WASM =`,
    `${lines.join(' +\n')};`,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of fs.readdirSync(KERNELS).filter((name) => name.endsWith('.wat'))) {
    const source = path.join(KERNELS, file);
    fs.writeFileSync(source.replace(/\.wat$/, '.wasm.ts'), await kernelModule(source));
  }
}
