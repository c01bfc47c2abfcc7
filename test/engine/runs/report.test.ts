import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { writeReport } from '../../../src/engine/runs/report';
import { runSession } from '../../../src/engine/runs/run-session';
import { fakePrepare } from './support/fake-trainer';
import { scratchFolder, writeConfig } from './support/scratch';

const folder = await scratchFolder();
const HOSTILE = '# </script><script>alert(1)</script><!-- \u2028 --> </style>\n';

async function report() {
  const pageFolder = join(folder, 'webview');
  await mkdir(pageFolder, { recursive: true });
  await writeFile(join(pageFolder, 'dashboard.js'), 'var text = "</script><!-- inside";');
  await writeFile(join(pageFolder, 'plotly.js'), 'var plotly = `</SCRIPT>`;');
  await writeFile(join(pageFolder, 'default-theme.css'), ':root { --first: 1 }');
  await writeFile(join(pageFolder, 'codicon.css'), '@font-face { src: url(codicon.ttf) }');
  await writeFile(join(pageFolder, 'a.css'), 'a { color: red }');
  const configFile = await writeConfig(folder, 'reported', HOSTILE);
  const { directory } = await runSession({ configFile, prepare: fakePrepare() });
  const file = await writeReport(directory, { pageFolder });
  return { directory, html: await readFile(file, 'utf8') };
}

describe('report.html', () => {
  it('holds manifest and journal as data that cannot end its script', async () => {
    const { directory, html } = await report();
    const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((m) => m[1] ?? '');
    expect(scripts).toHaveLength(3);
    expect(html.match(/<\/script/gi)).toHaveLength(3);
    const window: { __FLATSCAPE_REPORT__?: { manifest: { configText: string }; journal: string } } =
      {};
    runInNewContext(scripts[0] ?? '', { window });
    const data = window.__FLATSCAPE_REPORT__;
    expect(data?.manifest.configText).toContain(HOSTILE);
    expect(data?.journal).toBe(await readFile(join(directory, 'journal.jsonl'), 'utf8'));
    const global: Record<string, unknown> = {};
    runInNewContext(scripts.slice(1).join('\n'), global);
    expect(global).toMatchObject({ text: '</script><!-- inside', plotly: '</SCRIPT>' });
  });

  it('needs nothing from elsewhere, theme variables come first', async () => {
    const { html } = await report();
    expect(html).not.toMatch(/(?:src|href)\s*=|url\(/);
    expect(html.indexOf('--first')).toBeLessThan(html.indexOf('color: red'));
  });

  it('a missing page is a named error', async () => {
    const { directory } = await report();
    await expect(writeReport(directory, { pageFolder: folder })).rejects.toMatchObject({
      code: 'report-page-missing',
    });
  });
});
