// Hands and eyes for a drive: Chromium on the workbench, its palette, its webviews, its themes.
import { chromium } from 'playwright-core';
import { ensureChromium } from '../../../scripts/chromium.mjs';

/** The four themes in which every screen is looked at, and the body class a webview gets. */
export const THEMES = {
  dark: { setting: 'Default Dark Modern', bodyClass: 'vscode-dark' },
  light: { setting: 'Default Light Modern', bodyClass: 'vscode-light' },
  highContrast: { setting: 'Default High Contrast', bodyClass: 'vscode-high-contrast' },
  highContrastLight: {
    setting: 'Default High Contrast Light',
    bodyClass: 'vscode-high-contrast-light',
  },
};

/** Headless Chromium that reaches this machine only and draws WebGL in software. */
export function launchChromium() {
  return chromium.launch({
    executablePath: ensureChromium(),
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1',
    ],
  });
}

/**
 * Opens a workbench window on a folder and waits until it is drawn.
 * `page.violations` collects every breach of a content security policy, in all its frames.
 */
export async function openWorkbench(browser, server, workspace) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.violations = [];
  await page.exposeFunction('reportPolicyViolation', (text) => page.violations.push(text));
  await page.addInitScript(() =>
    globalThis.addEventListener('securitypolicyviolation', (event) =>
      globalThis.reportPolicyViolation(
        `${event.violatedDirective} ${event.blockedURI} in ${globalThis.location.href}`,
      ),
    ),
  );
  await page.goto(`${server.url}?folder=${encodeURIComponent(workspace)}`);
  await page.waitForSelector('.monaco-workbench .statusbar', { timeout: 60_000 });
  return page;
}

const INPUT = '.quick-input-widget .quick-input-box input';

/**
 * Types into a quick pick and takes the row of that name, as a user would. Give the whole title:
 * a part of one picks the most recently used match.
 * @param {string} key `F1` for commands, `Control+p` for files
 */
export async function quickPick(page, key, text) {
  await page.keyboard.press(key);
  await page.waitForSelector(INPUT);
  await page.keyboard.type(text, { delay: 5 });
  await page.waitForSelector(`.quick-input-list .monaco-list-row:has-text("${text}")`);
  await page.waitForTimeout(200);
  await page.keyboard.press('Enter');
}

/** Runs a command of the palette by its whole title, category included. */
export const runCommand = (page, title) => quickPick(page, 'F1', title);

/** Opens a file of the workspace by name. */
export const openFile = (page, name) => quickPick(page, 'Control+p', name);

/**
 * The content frame of the webview that has `selector`; frames come and go, hence the polling.
 * @throws Error after `timeoutMs`
 */
export async function inWebview(page, selector, timeoutMs = 20_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await page.waitForTimeout(100)) {
    const frames = page.frames().filter((f) => f.url().includes('/webview/browser/pre/fake.html'));
    for (const frame of frames) {
      // A frame that is being replaced throws; the next round sees its successor.
      if (await frame.$(selector).catch(() => null)) return frame;
    }
  }
  throw new Error(`No webview shows ${selector} within ${timeoutMs} ms`);
}

/**
 * Switches the colour theme by the user settings and waits until the workbench wears it.
 * @param {keyof typeof THEMES} name
 */
export async function switchTheme(page, server, name) {
  server.updateSettings({ 'workbench.colorTheme': THEMES[name].setting });
  const base = {
    dark: 'vs-dark',
    light: 'vs',
    highContrast: 'hc-black',
    highContrastLight: 'hc-light',
  };
  await page.waitForSelector(`.monaco-workbench.${base[name]}`, { timeout: 10_000 });
  await page.waitForTimeout(300); // the webviews hear of it a moment later
}
