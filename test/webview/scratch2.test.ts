import { it } from 'vitest';
import { buildPage } from './support/build';
import { FakeHost, launchBrowser } from './support/fake-host';
import { syntheticModel } from './support/synthetic-model';
it('debug', async () => {
  const files = await buildPage();
  const browser = await launchBrowser();
  const host = await FakeHost.open(browser, { files, size: { width: 900, height: 1000 } });
  await host.sendRun(syntheticModel({ steps: 120, totalSteps: 200 }));
  await host.showPane('latest');
  console.log((await host.page.locator('#pane-latest').innerHTML()).slice(0, 1800), host.errors);
  await browser.close();
});
