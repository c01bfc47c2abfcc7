import { dashboardBody } from '../../../src/shared/dashboard-page';

/** A report as `main.ts` describes it: one file with everything inline. */
export function reportHtml(
  report: { readonly manifest: unknown; readonly journal: string },
  files: ReadonlyMap<string, string>,
): string {
  const data = JSON.stringify(report).replaceAll('<', '\\u003c');
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Report</title>
    <style>${files.get('default-theme.css')}${files.get('page.css')}</style>
  </head>
  <body>
    ${dashboardBody()}
    <script>window.__FLATSCAPE_REPORT__ = ${data};</script>
    <script>${files.get('plotly.js')}</script>
    <script>${files.get('dashboard.js')}</script>
  </body>
</html>`;
}
