import fs from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  inspectionEvents,
  inspectionModel,
  type SyntheticInspection,
} from '../support/synthetic-landscape';
import { THEMES, type ThemeName } from './fixtures/themes';
import { buildPage } from './support/build';
import { chromiumPath, FakeHost, launchBrowser, SOFTWARE_WEBGL } from './support/fake-host';

/** For people to look at; ignored by git. */
const SCREENS = path.resolve(import.meta.dirname, '../../build/screens');

const EVERYTHING: SyntheticInspection = {
  tasks: [
    { measure: 'slice-2d', points: 25 },
    { measure: 'sam', scope: 'modules', rho: [0.02, 0.05] },
    { measure: 'hessian-trace', scope: 'blocks', space: 'raw' },
    { measure: 'hessian-top', scope: 'blocks', eigenvalues: 2 },
    { measure: 'hessian-density' },
    { measure: 'slice-1d', scope: 'blocks' },
  ],
};

describe.skipIf(!chromiumPath())('landscape screens (skipped without Chromium)', () => {
  let browser: Browser;
  let files: ReadonlyMap<string, string>;

  beforeAll(async () => {
    [files, browser] = await Promise.all([buildPage(), launchBrowser(SOFTWARE_WEBGL)]);
    fs.mkdirSync(SCREENS, { recursive: true });
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(THEMES) as ThemeName[])('all cards draw in %s', async (theme) => {
    const size = { width: 900, height: 4200 };
    const host = await FakeHost.open(browser, { files, name: 'landscape', theme, size });
    await host.sendInspection(inspectionModel(EVERYTHING), 'ended');
    for (const index of EVERYTHING.tasks.keys()) await host.showPane(String(index));
    await host.send({ type: 'heartbeat' });
    await host.page.waitForTimeout(300);
    for (const [part, y] of [1, 1600].entries()) {
      const name = `landscape-${theme}-${part + 1}.png`;
      const clip = { x: 0, y, width: 900, height: 1600 };
      await host.page.screenshot({ path: path.join(SCREENS, name), clip });
    }
    expect(await host.violations()).toEqual([]);
    expect(host.errors).toEqual([]);
    await host.close();
  });

  it('draws a surface that refines, and its contours', async () => {
    const host = await FakeHost.open(browser, { files, name: 'landscape' });
    const options = { tasks: EVERYTHING.tasks.slice(0, 1) };
    const events = inspectionEvents(options);
    for (const count of [20, 55, 200, 500]) {
      await host.sendInspection(inspectionModel(options, count));
      await host.showPane('0');
      await host.page.waitForTimeout(1200);
      await host.page.screenshot({ path: path.join(SCREENS, `landscape-refines-${count}.png`) });
    }
    expect(events.length).toBeGreaterThan(500);
    await host.page.locator('#choose-0-plot').selectOption('contour');
    await host.showPane('0');
    await host.page.waitForTimeout(1200);
    await host.page.screenshot({ path: path.join(SCREENS, 'landscape-contour.png') });
    expect(host.errors).toEqual([]);
    await host.close();
  });
});
