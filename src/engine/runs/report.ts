import { existsSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJournal } from '../../client/journal-reader';
import { readManifest } from '../../client/run-store';
import { dashboardBody } from '../../shared/dashboard-page';
import { UserError } from '../../shared/errors';
import { RUN_FILES } from '../../shared/run-manifest';
import { writeFileAtomic } from '../formats/atomic-file';

/** The dashboard page as built, beside the engine's bundle. */
const PAGE_FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', 'webview');

export interface ReportOptions {
  /** Absent: `report.html` in the run directory. */
  readonly file?: string;
  /** Folder of the built dashboard page. */
  readonly pageFolder?: string;
}

/**
 * Writes the report of a run: one HTML file with the dashboard, its charts and the whole journal,
 * that needs nothing else and no network.
 * @returns the file
 * @throws UserError `report-page-missing`, and those of `readManifest` and of writing
 */
export async function writeReport(directory: string, options: ReportOptions = {}): Promise<string> {
  const file = options.file ?? join(directory, RUN_FILES.report);
  const page = await readPage(options.pageFolder ?? PAGE_FOLDER);
  const manifest = await readManifest(directory);
  const journal = await wholeLines(join(directory, RUN_FILES.journal));
  await writeFileAtomic(file, reportHtml(page, { title: manifest.id, manifest, journal }));
  return file;
}

interface PageParts {
  readonly styles: string;
  readonly plotly: string;
  readonly dashboard: string;
}

interface ReportData {
  readonly title: string;
  readonly manifest: unknown;
  readonly journal: string;
}

/** The page around the parts; everything from the run is escaped for where it stands. */
export function reportHtml(page: PageParts, { title, manifest, journal }: ReportData): string {
  const data = scriptJson({ manifest, journal });
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>${page.styles.replaceAll('</style', '<\\/style')}</style>`,
    '</head>',
    '<body>',
    dashboardBody(),
    `<script>window.__FLATSCAPE_REPORT__ = ${data};</script>`,
    `<script>${scriptText(page.plotly)}</script>`,
    `<script type="module">${scriptText(page.dashboard)}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** JSON that can stand in a script: no `<`, so nothing in it can end the script. */
function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** Our own bundles hold these only in strings, where the backslash changes nothing. */
function scriptText(code: string): string {
  return code.replace(/<(?=\/script|!--)/gi, '\\x3c');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

async function readPage(folder: string): Promise<PageParts> {
  const missing = ['dashboard.js', 'plotly.js'].find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined)
    throw new UserError({
      code: 'report-page-missing',
      message: 'the page that a report is made of is not installed',
      place: { file: join(folder, missing) },
      remedy: 'From source: `npm run build`. Otherwise install Flatscape again.',
    });
  const names = await readdir(folder);
  // Theme variables first, then what uses them; fonts and icons of the panel stay out.
  const sheets = ['default-theme.css', ...names.filter((name) => name.endsWith('.css')).sort()];
  const wanted = [...new Set(sheets)].filter((n) => names.includes(n) && n !== 'codicon.css');
  const styles = await Promise.all(wanted.map((name) => readFile(join(folder, name), 'utf8')));
  const [plotly, dashboard] = await Promise.all(
    ['plotly.js', 'dashboard.js'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return { styles: styles.join('\n'), plotly: plotly ?? '', dashboard: dashboard ?? '' };
}

/** The journal without a line that a crash has cut. */
async function wholeLines(file: string): Promise<string> {
  const { bytes } = await readJournal(file, () => undefined);
  if (bytes === 0) return '';
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    await handle.read(buffer, 0, bytes, 0);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
