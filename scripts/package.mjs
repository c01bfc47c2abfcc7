// npm run package: production build, then build/flatscape-VERSION.vsix, then a look inside it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage } from './check-package.mjs';
import { ROOT, ensureSetup } from './setup.mjs';
import { writeNotices } from './third-party-notices.mjs';

/**
 * @returns {Promise<string>} absolute path of the package
 * @throws Error when the build or vsce fails, or the package holds what it should not
 */
export async function packageExtension(root = ROOT) {
  ensureSetup(root);
  const { buildBundles, copies } = await import('../esbuild.mjs');
  const metafiles = await buildBundles({ root, production: true });
  writeNotices({ root, metafiles, copies: copies(root) });
  const { name, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const vsix = path.join(root, 'build', `${name}-${version}.vsix`);
  fs.mkdirSync(path.dirname(vsix), { recursive: true });
  // --no-dependencies: everything is in the bundles, nothing of node_modules ships.
  const vsce = path.join(root, 'node_modules/@vscode/vsce/vsce');
  // Links of the README lead into the repository, whose address the manifest does not name.
  const args = [vsce, 'package', '--no-dependencies', '--no-rewrite-relative-links', '--out', vsix];
  const run = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.status !== 0) throw new Error(`vsce package failed:\n${run.stdout}${run.stderr}`);
  const problems = checkPackage(vsix);
  if (problems.length > 0)
    throw new Error(`${vsix} is not as it should be:\n${problems.join('\n')}`);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const vsix = await packageExtension();
    const megabytes = (fs.statSync(vsix).size / 1e6).toFixed(2);
    console.log(`${path.relative(process.cwd(), vsix)} (${megabytes} MB)`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
