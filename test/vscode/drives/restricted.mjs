import assert from 'node:assert/strict';
import { openFile, runCommand } from '../harness/browser.mjs';
import { dashboardFrame, untilMorePoints, untilStatus } from '../harness/dashboard.mjs';
import { finishRun, makeTinyWorkspace, runDirectories } from '../harness/runs.mjs';

export const name = 'Restricted Mode: runs are seen, starting one explains itself';

export async function run(ctx) {
  const workspace = makeTinyWorkspace(ctx);
  finishRun(ctx, workspace);
  const { page } = await ctx.open({
    workspace,
    trust: false,
    settings: { 'security.workspace.trust.startupPrompt': 'never' },
  });
  await page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
  await openFile(page, 'tiny.flatscape.yaml');
  await page.locator('.codelens-decoration a', { hasText: 'Open dashboard' }).click();
  const frame = await dashboardFrame(page);
  await untilStatus(frame, /Completed/);
  await untilMorePoints(frame, 0);
  await runCommand(page, 'Flatscape: Start Run');
  const toast = page.locator('.notification-toast', { hasText: 'only in trusted workspaces' });
  await toast.locator('.monaco-button', { hasText: 'Manage Workspace Trust' }).waitFor();
  await ctx.shot(page, 'restricted');
  assert.equal(runDirectories(workspace).length, 1);
  assert.deepEqual(page.violations, []);
}
