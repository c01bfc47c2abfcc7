import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { installBackend, removeBackend } from '../../../src/engine/backends/native/install';
import { openStaging } from '../../../src/engine/backends/native/staging';
import { answerInstalled, answerRemove } from '../../../src/engine/runs/backend-commands';
import { runTool } from '../../../src/engine/backends/native/tool';
import { NATIVE_BACKENDS } from '../../../src/shared/backends';
import { fakeInstallation, inFolder } from '../../support/fake-installation';
import { bundleCli, scratchFolder } from './support/scratch';

const shell = (script: string) => ({
  ...{ command: 'sh', args: ['-c', script], purpose: 'downloading TensorFlow' },
});

describe('a tool', () => {
  it.each([
    ['connect ECONNREFUSED 127.0.0.1:9', 'download-unreachable'],
    ['tunneling socket could not be established, statusCode=407', 'download-unreachable'],
    ['npm ERR! code EINTEGRITY', 'checksum-mismatch'],
    ['THESE PACKAGES DO NOT MATCH THE HASHES', 'checksum-mismatch'],
    ['write: No space left on device', 'disk-full'],
    ['ERROR: No matching distribution found for x', 'wheel-not-found'],
    ['fatal error: tensorflow/c/c_api.h', 'install-failed'],
  ])('that says "%s" is the error %s, with a remedy', async (words, code) => {
    const failure = runTool(shell(`echo "${words}" >&2; exit 1`));
    await expect(failure).rejects.toMatchObject({ code });
    await failure.catch((error: { found: string; remedy: string }) => {
      expect(error.found).toContain(words);
      expect(error.remedy).toBeTruthy();
    });
  });

  it('that is not there is named', async () => {
    const call = { command: 'no-such-tool', args: [], purpose: 'nothing' };
    await expect(runTool(call)).rejects.toMatchObject({ code: 'tool-missing' });
  });

  it('that hangs is ended and named', async () => {
    const failure = runTool({ ...shell('sleep 60'), stallMs: 500 });
    await expect(failure).rejects.toMatchObject({ code: 'download-stalled' });
  });

  it('that is slow but alive is left alone', async () => {
    const watch = await scratchFolder();
    const script = `for i in 1 2 3; do echo x >> ${watch}/file; sleep 1; done; echo done`;
    expect(await runTool({ ...shell(script), watch, stallMs: 2500 })).toBe('done\n');
  });

  it('is ended by a cancel, with the tools that it started', async () => {
    const folder = await scratchFolder();
    const cancel = new AbortController();
    const script = `(sleep 1.5; echo late > ${folder}/late) & wait`;
    const over = runTool({ ...shell(script), signal: cancel.signal });
    setTimeout(() => cancel.abort(new Error('enough')), 300);
    await expect(over).rejects.toThrow('enough');
    await sleep(1800);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a staging folder', () => {
  it('remembers what was finished, for the same installation only', async () => {
    const folder = join(await scratchFolder(), 'staging');
    const ran: string[] = [];
    const attempt = async (key: string) => {
      const staging = await openStaging(folder, key);
      await staging.step('first', () => Promise.resolve(void ran.push(`first ${key}`)));
      const failing = staging.step('second', () => Promise.reject(new Error('no')));
      await expect(failing).rejects.toThrow('no');
      await staging.close();
    };
    await attempt('a');
    await attempt('a');
    await attempt('b');
    expect(ran).toEqual(['first a', 'first b']);
  });

  it('is not shared with another live process', async () => {
    const folder = join(await scratchFolder(), 'staging');
    await mkdir(folder);
    await writeFile(join(folder, 'pid'), String(process.ppid));
    await expect(openStaging(folder, 'a')).rejects.toMatchObject({ code: 'install-running' });
  });
});

describe('installing', () => {
  let engineScript: string;
  const path = process.env['PATH'];
  beforeAll(async () => {
    engineScript = (await bundleCli(await scratchFolder())).engine;
  });
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it('refuses a folder without the package, and leaves nothing', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    const options = { name: 'tensorflow', source: 'dir', directory: folder } as const;
    await expect(installBackend(options)).rejects.toMatchObject({
      code: 'backend-directory-wrong',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps the backend that is there when the new one fails its test', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    await fakeInstallation(folder, 'tensorflow', 'the one that is there');
    const bad = await scratchFolder();
    await fakeInstallation(bad, 'tensorflow', 'process.abort()');
    const directory = join(bad, 'tensorflow', 'package');
    const failure = installBackend({ name: 'tensorflow', source: 'dir', directory, engineScript });
    await expect(failure).rejects.toMatchObject({ code: 'backend-self-test-failed' });
    expect(await readFile(join(folder, 'tensorflow', 'package', 'index.js'), 'utf8')).toBe(
      'the one that is there',
    );
    expect(await readdir(folder)).toEqual(['tensorflow']);
    expect(await removeBackend('tensorflow')).toBe(true);
    expect(await removeBackend('tensorflow')).toBe(false);
  });

  it('lists what is there without testing it, damaged or not', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    expect(await answerInstalled()).toEqual([]);
    await fakeInstallation(folder, 'tensorflow', 'process.abort()');
    await mkdir(join(folder, 'tensorflow-gpu', 'half'), { recursive: true });
    const [gpu, cpu] = await answerInstalled();
    expect(gpu).toMatchObject({
      name: 'tensorflow-gpu',
      damaged: expect.stringContaining('half') as string,
    });
    expect(cpu).toMatchObject({ name: 'tensorflow', details: { source: 'dir', current: true } });
    expect(await answerRemove('tensorflow-gpu')).toEqual({ removed: true });
    expect(await answerInstalled()).toEqual([cpu]);
  });

  it.skipIf(existsSync('/proc/driver/nvidia/version'))(
    'refuses gigabytes for a GPU where there is no driver of one',
    async () => {
      inFolder(await scratchFolder());
      const install = installBackend({ name: 'tensorflow-gpu', source: 'wheel', engineScript });
      await expect(install).rejects.toMatchObject({ code: 'backend-no-gpu' });
    },
  );

  it('looks for its tools before it downloads anything', async () => {
    inFolder(await scratchFolder());
    const tools = await fakeTools();
    process.env['PATH'] = `${tools}:${path}`;
    process.env['PYTHON'] = join(tools, 'no-python');
    try {
      const install = installBackend({ name: 'tensorflow', source: 'wheel', engineScript });
      await expect(install).rejects.toMatchObject({ code: 'tool-missing' });
    } finally {
      delete process.env['PYTHON'];
    }
    const calls = await readFile(join(tools, 'calls'), 'utf8').catch(() => '');
    expect(calls).not.toContain('npm install');
  });
});

/** npm, pip and compiler that do nothing but write down how they were called. */
async function fakeTools(): Promise<string> {
  const folder = await scratchFolder();
  const { package: npmPackage } = NATIVE_BACKENDS.tensorflow;
  const record = `echo "$(basename $0) $*" | sed 's/python3 -m //' >> ${folder}/calls`;
  const scripts = {
    npm: `mkdir -p node_modules/${npmPackage}`,
    make: '',
    'g++': '',
    python3: '',
  };
  for (const [name, body] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${record}\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}
