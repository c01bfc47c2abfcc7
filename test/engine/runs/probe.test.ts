import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownWords, probeBackend } from '../../../src/engine/backends/native/probe';
import { closeUtilGap } from '../../../src/engine/backends/native/load-package';
import { explainLoadError } from '../../../src/engine/backends/native/native-backend';
import { fakeInstallation, inFolder } from '../../support/fake-installation';
import { bundleCli, scratchFolder } from './support/scratch';

describe('a probe', () => {
  let engineScript: string;
  beforeAll(async () => {
    engineScript = (await bundleCli(await scratchFolder())).engine;
  });

  it('proves a backend that works, and keeps the verdict', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    const verdict = await probeBackend('wasm', { engineScript });
    expect(verdict).toMatchObject({ ok: true, memoryBytes: 4 * 2 ** 30 });
    expect(await probeBackend('wasm', { engineScript: 'none' })).toEqual(verdict);
    expect(await readdir(join(folder, 'verdicts'))).toHaveLength(1);
  });

  it.each([
    ['crashes', 'process.abort()', /ended its process in the self-test.*backends remove/],
    ['exits', 'console.error("gone"); process.exit(7)', /exit code 7, its last words: gone/],
    ['hangs', 'for (;;);', /did not finish its self-test within 4 s/],
    ['throws', 'throw new Error("no such thing")', /could not be loaded; found no such thing/],
    [
      'lacks a CUDA library',
      'throw new Error("libcudnn.so.8: cannot open shared object file: No such file")',
      /needs the library libcudnn\.so\.8.*CUDA libraries/,
    ],
    ['registers nothing', '', /could not be loaded/],
  ])('survives a package that %s, and says what to do', async (_, main, reason) => {
    const folder = await scratchFolder();
    inFolder(folder);
    await fakeInstallation(folder, 'tensorflow', main);
    const verdict = await probeBackend('tensorflow', { engineScript, timeoutMs: 4000 });
    expect(verdict).toMatchObject({ ok: false });
    expect(verdict.ok ? '' : verdict.reason).toMatch(reason);
  });

  it('asks again when the installation has changed', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    await fakeInstallation(folder, 'tensorflow', 'throw new Error("first")');
    const reason = async () => {
      const verdict = await probeBackend('tensorflow', { engineScript });
      return verdict.ok ? 'ok' : verdict.reason;
    };
    expect(await reason()).toContain('first');
    await fakeInstallation(folder, 'tensorflow', 'throw new Error("the second one")');
    const changed = join(folder, 'tensorflow', 'package', 'package.json');
    await utimes(changed, new Date(), new Date(Date.now() + 5000));
    expect(await reason()).toContain('the second one');
  });
});

describe('the errors of loading', () => {
  it.each([
    ['/x/tfjs_binding.node: invalid ELF header', 'backend-wrong-machine'],
    ['Module did not self-register', 'backend-wrong-node'],
    ['libtensorflow.so.2: cannot open shared object file: gone', 'backend-library-missing'],
    ['anything else', 'backend-unavailable'],
  ])('%s is named', (message, code) => {
    const error = explainLoadError('tensorflow', new Error(message));
    expect(error).toMatchObject({ code });
    expect(error.remedy).toBeTruthy();
  });
});

describe('the words of TensorFlow', () => {
  it('about CUDA are kept, without date and source; its greeting is not', () => {
    const log = [
      'I0000 00:00:1795330207.005283 24580 port.cc:153] oneDNN custom operations are on.',
      'I0000 00:00:1795330207.031598   24580 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.',
      'W0000 00:00:1795330207.1 245 gpu_device.cc:2342] Cannot dlopen some GPU libraries.',
      "2026-01-01 10:00:00.1: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: no such file",
    ];
    expect(ownWords(log.join('\n'))).toBe(
      " TensorFlow says: Could not find cuda drivers on your machine, GPU will not be used. Cannot dlopen some GPU libraries. Could not load dynamic library 'libcudart.so.11.0'; dlerror: no such file",
    );
    expect(ownWords('nothing of note')).toBe('');
  });
});

describe('the gap of Node 23', () => {
  it('is closed, and what warns of itself is replaced', () => {
    const deprecated = () => true;
    const util: Record<string, unknown> = { isArray: deprecated };
    closeUtilGap(util);
    expect(util['isArray']).toBe(Array.isArray);
    const isNullOrUndefined = util['isNullOrUndefined'] as (value: unknown) => boolean;
    expect([null, undefined, 0, ''].map(isNullOrUndefined)).toEqual([true, true, false, false]);
  });
});
