import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { dashboardBody } from '../../shared/dashboard-page';

/** The one command that an orphaned page may call: it works after the host has crashed. */
export const RECONNECT_COMMAND = 'flatscape.reconnectDashboard';

/** Where the page's files lie; nothing else on the disk can be read by it. */
export function pageRoot(extension: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extension, 'dist', 'webview');
}

export function pageOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return {
    enableScripts: true,
    localResourceRoots: [pageRoot(extension)],
    enableCommandUris: [RECONNECT_COMMAND],
  };
}

/** The dashboard's page. Data come by message only; attributes say where plotly and the run are. */
export function pageHtml(webview: vscode.Webview, extension: vscode.Uri, run: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const uri = (name: string) =>
    attribute(webview.asWebviewUri(vscode.Uri.joinPath(pageRoot(extension), name)).toString());
  const args = encodeURIComponent(JSON.stringify([run.toString()]));
  const policy = [
    `default-src 'none'`,
    `img-src ${webview.cspSource} data: blob:`,
    // plotly sets inline styles.
    `style-src ${webview.cspSource} 'unsafe-inline'`,
    `font-src ${webview.cspSource} data:`,
    `script-src 'nonce-${nonce}'`,
    `worker-src blob:`,
    `connect-src ${webview.cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${attribute(vscode.env.language)}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${attribute(policy)}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" id="vscode-codicon-stylesheet" href="${uri('codicon.css')}" />
    <link rel="stylesheet" href="${uri('dashboard.css')}" />
    <link rel="preload" as="script" nonce="${nonce}" href="${uri('plotly.js')}" />
    <title>Flatscape</title>
  </head>
  <body
    data-plotly="${uri('plotly.js')}"
    data-run="${attribute(run.toString())}"
    data-reconnect="${attribute(`command:${RECONNECT_COMMAND}?${args}`)}"
  >
    ${dashboardBody()}
    <script type="module" nonce="${nonce}" src="${uri('dashboard.js')}"></script>
  </body>
</html>
`;
}

function attribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
