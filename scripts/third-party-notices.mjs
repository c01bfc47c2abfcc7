// What a package must say about the work of others that it carries: names, versions and licences.
import fs from 'node:fs';
import path from 'node:path';

/** Name below dist/. */
export const NOTICES = 'THIRD_PARTY_NOTICES.txt';

/** Licences that let us ship a package. Another one is a decision, made here. */
const ALLOWED = /^(MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause)$/;
/** Fonts and pictures only. */
const ALLOWED_FOR = { '@vscode/codicons': 'CC-BY-4.0' };

const RULE = '='.repeat(80);

/**
 * Writes `root`/dist/THIRD_PARTY_NOTICES.txt: every package of which a bundle holds code or of which
 * a file is shipped, with its licence; then the notices that stand in the bundled code itself.
 * Removes the files in which esbuild had left those.
 * @param {object} options
 * @param {string} options.root the repository
 * @param {Record<string, import('esbuild').Metafile>} options.metafiles as `buildBundles` returns
 * @param {readonly { from: string }[]} options.copies as in esbuild.mjs
 * @returns {string[]} `name@version` of the packages
 * @throws Error that names every package whose licence is not allowed
 */
export function writeNotices({ root, metafiles, copies }) {
  const inputs = Object.values(metafiles).flatMap(({ inputs }) => Object.keys(inputs));
  const files = [...inputs, ...copies.map(({ from }) => from)];
  const packages = packagesOf(root, files);
  refuseOthers(packages);
  const texts = [INTRODUCTION, ...packages.map(section), legalComments(root)];
  const standard = standardTexts(packages);
  fs.writeFileSync(path.join(root, 'dist', NOTICES), [...texts, ...standard].join(`\n\n${RULE}\n`));
  return packages.map(({ name, version }) => `${name}@${version}`);
}

const INTRODUCTION = `THIRD-PARTY NOTICES

Flatscape is distributed with code, fonts and WebAssembly modules of the packages below.`;

/** Each package once, by name; two versions of one package are two. */
function packagesOf(root, files) {
  const folders = new Set(files.filter((file) => file.includes('node_modules/')).map(folderOf));
  const packages = [...folders].map((folder) => read(path.join(root, folder)));
  const unique = new Map(packages.map((p) => [`${p.name}@${p.version}`, p]));
  return [...unique.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** `node_modules/a/node_modules/@b/c/lib/d.js` belongs to `node_modules/a/node_modules/@b/c`. */
function folderOf(file) {
  return /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)[0];
}

function read(folder) {
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const { name, version, license, author, repository } = manifest;
  const names = fs.readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = names.map((file) => fs.readFileSync(path.join(folder, file), 'utf8').trim());
  return { name, version, license, author, repository, texts };
}

function refuseOthers(packages) {
  const refused = packages.filter(
    ({ name, license }) => !ALLOWED.test(license) && ALLOWED_FOR[name] !== license,
  );
  if (refused.length === 0) return;
  const list = refused.map(({ name, version, license }) => `${name}@${version} (${license})`);
  throw new Error(`No decision was made about the licence of ${list.join(', ')}`);
}

function section({ name, version, license, author, repository, texts }) {
  const by = typeof author === 'string' ? author : author?.name;
  const from = typeof repository === 'string' ? repository : repository?.url;
  const facts = [by && `by ${by}`, from].filter(Boolean).map((fact) => `${fact}\n`);
  const own =
    texts.length > 0 ? texts.join('\n\n') : 'The package holds no licence file; see below.';
  return `${name} ${version}: ${license}\n${facts.join('')}\n${own}`;
}

/** Comments such as `@license`: the only trace of what a package has bundled into itself. */
function legalComments(root) {
  const dist = path.join(root, 'dist');
  const files = fs
    .readdirSync(dist, { recursive: true })
    .filter((file) => file.endsWith('.LEGAL.txt'))
    .map((file) => path.join(dist, file));
  // esbuild lists the files of each comment above it; thousands of names say nothing more.
  const comments = files.flatMap(
    (file) => fs.readFileSync(file, 'utf8').match(/\/\*[\s\S]*?\*\//g) ?? [],
  );
  for (const file of files) fs.rmSync(file);
  const unique = [...new Set(comments.map((comment) => comment.replace(/^ +/gm, ' ')))];
  return `Notices in the bundled code itself\n\n${unique.join('\n\n')}`;
}

/** For packages that name a licence and do not hold its text. */
function standardTexts(packages) {
  const wanting = packages.filter(({ texts }) => texts.length === 0);
  return [...new Set(wanting.map(({ license }) => license))].map((license) => {
    if (license === 'MIT') return `Text of the MIT licence\n\n${MIT}`;
    const full = packages.find((p) => p.license === license && p.texts[0]?.length > 2_000);
    if (!full) throw new Error(`No package holds the text of the licence ${license}`);
    return `Text of the licence ${license}\n\n${full.texts[0]}`;
  });
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.
IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
