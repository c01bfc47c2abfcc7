// A Vulkan driver in software, for tests of webgpu where there is no GPU: SwiftShader, which every
// Chromium carries, with the loader that Dawn needs.
import fs from 'node:fs';
import path from 'node:path';
import { ensureChromium, findChromium } from './chromium.mjs';

const LOADER = 'libvulkan.so.1';
const DRIVER = 'vk_swiftshader_icd.json';

/**
 * The environment in which Dawn finds a driver: this one, if it names one; else SwiftShader, for which
 * Chromium is installed where that is possible.
 * @throws Error that says how to get one
 */
export function softwareDriver(env = process.env) {
  if (env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES) return {};
  const folder = swiftshader(findChromium()) ?? swiftshader(ensureChromium());
  if (!folder)
    throw new Error(
      `No software Vulkan driver: Chromium has no ${DRIVER} beside it. Name another in VK_DRIVER_FILES.`,
    );
  const driver = path.join(folder, DRIVER);
  const libraries = [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(path.delimiter);
  return { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries };
}

/** The folder of a Chromium that holds both; what is on the PATH is often a script. */
function swiftshader(chromium) {
  if (!chromium) return undefined;
  const beside = path.dirname(fs.realpathSync(chromium));
  const folders = [beside, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.find((folder) =>
    [LOADER, DRIVER].every((file) => fs.existsSync(path.join(folder, file))),
  );
}
