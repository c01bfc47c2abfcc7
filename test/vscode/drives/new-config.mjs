import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pick, runCommand } from '../harness/browser.mjs';
import { makeTinyWorkspace, until } from '../harness/runs.mjs';

export const name =
  'New Config asks for method, model and data and writes a config without a problem';

export async function run(ctx) {
  const workspace = makeTinyWorkspace(ctx);
  const { page } = await ctx.open({ workspace });
  await runCommand(page, 'Flatscape: New Config...');
  await page.locator('.quick-input-title', { hasText: 'Method' }).waitFor();
  await ctx.shot(page, 'new-config-methods');
  await pick(page, 'FlatPO');
  await page.locator('.quick-input-title', { hasText: 'Model' }).waitFor();
  await pick(page, 'model');
  await page.locator('.quick-input-title', { hasText: 'Training data' }).waitFor();
  await pick(page, 'data/train.jsonl');
  await page.locator('.quick-input-title', { hasText: 'Evaluation data' }).waitFor();
  await pick(page, 'None');

  const file = path.join(workspace, 'flatpo.flatscape.yaml');
  await until('the config', () => fs.existsSync(file));
  const text = fs.readFileSync(file, 'utf8');
  assert.match(text, /name_or_path: \.\/model/);
  assert.match(text, /train: data\/train\.jsonl/);
  assert.doesNotMatch(text, /^ {2}eval:/m);
  await page.locator('.tab.active', { hasText: 'flatpo.flatscape.yaml' }).waitFor();
  await page.locator('.codelens-decoration', { hasText: /run/i }).first().waitFor();
  assert.equal(await page.locator('.squiggly-error').count(), 0);
  await ctx.shot(page, 'new-config-written');
}
