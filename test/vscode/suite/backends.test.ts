import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { until } from './support';

describe('backends', function () {
  this.timeout(180_000);

  it('are reported as they are on this machine, in a page of their own', async () => {
    const text = await vscode.commands.executeCommand<string>('flatscape.showBackendReport');
    assert.match(text, /takes \*\*wasm\*\*/);
    assert.match(text, /\| tensorflow \| not installed \|/);
    assert.match(text, /command Install Native Backend/);
    await until('the report', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .some(({ label }) => label.includes('Backend Report')),
    );
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });
});
