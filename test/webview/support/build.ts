import esbuild, { type BuildOptions } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../../..');

interface Bundle {
  readonly name: string;
  readonly entries: Readonly<Record<string, string>>;
  readonly options: BuildOptions;
}

/** The page's files by their names in dist/webview, built as they ship. */
export async function buildPage(): Promise<ReadonlyMap<string, string>> {
  const script = path.join(ROOT, 'esbuild.mjs');
  const { bundles, copies } = (await import(/* @vite-ignore */ script)) as {
    bundles: readonly Bundle[];
    copies: (root: string) => readonly { from: string; to: string }[];
  };
  const bundle = bundles.find(({ name }) => name === 'webview');
  if (!bundle) throw new Error('esbuild.mjs has no bundle called webview');
  const { outputFiles } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: Object.entries(bundle.entries).map(([out, file]) => ({ in: file, out })),
    outdir: 'dist',
    bundle: true,
    legalComments: 'none',
    logLevel: 'warning',
    ...bundle.options,
    write: false,
  });
  const files = new Map(outputFiles.map((file) => [path.basename(file.path), file.text] as const));
  for (const { from, to } of copies(ROOT).filter((copy) => copy.to.endsWith('.css')))
    files.set(path.basename(to), fs.readFileSync(path.join(ROOT, from), 'utf8'));
  return files;
}

/** One source of the tests, bundled to run inside the page. */
export async function bundleForPage(file: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(import.meta.dirname, file)],
    bundle: true,
    format: 'iife',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
