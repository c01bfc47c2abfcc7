// Bundles the integration suite for the extension host, which loads CommonJS only.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

/**
 * Bundles test/vscode/suite/*.test.ts and the mocha entry point into build/vscode-tests.
 * @param {string} root the repository
 * @returns {Promise<{ entry: string, suites: number }>} the module that exports `run()`
 */
export async function bundleSuite(root) {
  const suite = path.join(root, 'test/vscode/suite');
  const names = fs.existsSync(suite) ? fs.readdirSync(suite) : [];
  const tests = names.filter((name) => name.endsWith('.test.ts'));
  const outdir = path.join(root, 'build/vscode-tests');
  fs.rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints: [
      path.join(root, 'test/vscode/harness/mocha-run.ts'),
      ...tests.map((name) => path.join(suite, name)),
    ],
    outdir,
    outbase: path.join(root, 'test/vscode'),
    entryNames: '[name]',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // As the extension is built: jsonc-parser's other build cannot be bundled.
    mainFields: ['module', 'main'],
    // mocha finds its own files at run time, from the repository's node_modules.
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return { entry: path.join(outdir, 'mocha-run.js'), suites: tests.length };
}
