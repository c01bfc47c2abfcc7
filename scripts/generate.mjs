// Writes what is generated from the source (JSON Schema, reference pages); --check: fails when stale.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const check = process.argv.includes('--check');

const bundle = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'flatscape-generate-')), 'docs.mjs');
await build({
  entryPoints: [path.join(root, 'src/shared/docs/generated-files.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
});
const { GENERATED_FILES } = await import(pathToFileURL(bundle).href);
fs.rmSync(path.dirname(bundle), { recursive: true });

let stale = 0;
for (const [name, content] of Object.entries(GENERATED_FILES)) {
  const file = path.join(root, name);
  const wanted = content();
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === wanted) continue;
  stale += 1;
  console.log(`${check ? 'stale' : 'written'}: ${name}`);
  if (check) continue;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, wanted);
}
if (check && stale > 0) {
  console.error('Run `npm run generate` and commit the result.');
  process.exit(1);
}
