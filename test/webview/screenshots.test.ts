import fs from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { THEMES, type ThemeName } from './fixtures/themes';
import { buildPage } from './support/build';
import { chromiumPath, FakeHost, launchBrowser } from './support/fake-host';
import { syntheticModel } from './support/synthetic-model';

/** For people to look at; ignored by git. */
const SCREENS = path.resolve(import.meta.dirname, '../../build/screens');
const PANES = [
  ...['loss', 'metrics', 'sharpness', 'schedule', 'heatmap', 'lines'],
  ...['theorem1', 'theorem2', 'shares', 'share-layers'],
];

/** One in which every line of the theorems' panes is drawn. */
const RUN = {
  totalSteps: 400,
  optimizer: 'sgd',
  config: { method: { rho_schedule: 'inv_sqrt' }, probe: { sigma_batches: 8 } },
} as const;

describe.skipIf(!chromiumPath())('screens (skipped without Chromium: set CHROMIUM)', () => {
  let browser: Browser;
  let files: ReadonlyMap<string, string>;

  beforeAll(async () => {
    [files, browser] = await Promise.all([buildPage(), launchBrowser()]);
    fs.mkdirSync(SCREENS, { recursive: true });
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(THEMES) as ThemeName[])('all panes draw in %s', async (theme) => {
    const size = { width: 900, height: 5200 };
    const host = await FakeHost.open(browser, { files, theme, size });
    await host.sendRun(syntheticModel(RUN));
    for (const pane of PANES) await host.showPane(pane);
    await host.page.evaluate('globalThis.scrollTo(0, 0)');
    await host.page.waitForTimeout(500);
    await host.page.screenshot({ path: path.join(SCREENS, `${theme}.png`), fullPage: true });
    expect(await host.violations()).toEqual([]);
    expect(host.errors).toEqual([]);
    await host.close();
  });
});
