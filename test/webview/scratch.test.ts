import { it } from 'vitest';
import { buildPage } from './support/build';
import { FakeHost, launchBrowser } from './support/fake-host';
import { syntheticModel } from './support/synthetic-model';
it('debug', async () => {
  const files = await buildPage();
  const browser = await launchBrowser();
  for (const theme of (process.env['T'] ?? 'dark-modern').split(',') as 'dark-modern'[]) {
    const host = await FakeHost.open(browser, {
      files,
      theme,
      state: {
        run: 'file:///home/ada/.flatscape/runs/sst2-efmlora-20261121-093000',
        quantity: process.env['Q'] ?? 'normDeltaW',
      },
      size: { width: Number(process.env['W'] ?? 800), height: 1000 },
    });
    await host.sendRun(
      syntheticModel({ totalSteps: 400, modules: Number(process.env['M'] ?? 24) }),
    );
    for (const pane of (process.env['P'] ?? 'loss,heatmap,lines,theorem1').split(',')) {
      await host.showPane(pane);
      await host.page.waitForTimeout(300);
      await host.page
        .locator('#pane-' + pane)
        .screenshot({ path: `build/screens/${theme}-${pane}.png` });
    }
    await host.page.evaluate('scrollTo(0,0)');
    await host.page.waitForTimeout(300);
    await host.page.screenshot({ path: `build/screens/${theme}-top.png` });
    console.log(host.errors, await host.violations());
  }
  await browser.close();
});
