import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { openRun, readManifest } from '../../../src/client/run-store';
import { readInstallation } from '../../../src/engine/backends/native/installation';
import { explainLoadError } from '../../../src/engine/backends/native/native-backend';
import { backendFailure } from '../../../src/engine/runs/backend-failure';
import { runSession } from '../../../src/engine/runs/run-session';
import { fakeInstallation } from '../../support/fake-installation';
import { createFakeTrainer, fakePrepare } from './support/fake-trainer';
import { bundleCli, scratchFolder, writeConfig } from './support/scratch';

/** As TensorFlow 2.21 words them through the addon; the first as it was seen. */
const MESSAGES = [
  [
    'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1048576,1048576] and type float on /job:localhost/replica:0/task:0/device:CPU:0 by allocator mklcpu',
    'backend-out-of-memory',
  ],
  ['Invalid TF_Status: 8\nMessage: failed to allocate memory', 'backend-out-of-memory'],
  ['CUDA_ERROR_OUT_OF_MEMORY: out of memory', 'backend-out-of-memory'],
  ['Invalid TF_Status: 13\nMessage: CUBLAS_STATUS_ALLOC_FAILED', 'backend-out-of-memory'],
  ['CUDNN_STATUS_ALLOC_FAILED in external/xla/dnn.cc', 'backend-out-of-memory'],
  ['failed to synchronize: CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure', 'gpu-lost'],
  ['CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered', 'gpu-lost'],
  ['CUDA_ERROR_UNKNOWN: unknown error', 'gpu-lost'],
  ['Invalid TF_Status: 13\nMessage: CUBLAS_STATUS_EXECUTION_FAILED', 'gpu-lost'],
  ['Invalid TF_Status: 13\nMessage: Failed to launch GPU kernel: cudaErrorNoDevice', 'gpu-lost'],
  ['Invalid TF_Status: 3\nMessage: Matrix size-incompatible: In[0]: [3,4]', undefined],
] as const;

describe('what a backend says when it fails', () => {
  it.each(MESSAGES)('%s is named', (message, code) => {
    const failure = backendFailure(new Error(message));
    expect(failure?.code).toBe(code);
    if (code) expect(failure?.remedy).toMatch(/checkpoint is intact/);
  });

  it.each(MESSAGES.filter(([, code]) => code))(
    '%s ends a run with its last checkpoint, from which it goes on as if nothing had been',
    async (message, code) => {
      const folder = await scratchFolder();
      const extra = 'train:\n  steps: 12\ncheckpoint:\n  every: 5\n';
      const configFile = await writeConfig(folder, 'run', extra);
      const whole = await runSession({ configFile, prepare: fakePrepare() });
      const failing = await runSession({ configFile, prepare: failingAt(8, message) });
      expect(failing).toMatchObject({ status: 'failed', error: { code } });
      const { directory } = failing;
      expect((await openRun(directory)).checkpoints.map(({ step }) => step)).toEqual([5]);
      const resumed = await runSession({ configFile, prepare: fakePrepare(), resume: directory });
      expect(resumed.status).toBe('completed');
      const [a, b] = [await openRun(whole.directory), await openRun(directory)];
      expect(b.steps.loss).toEqual(a.steps.loss);
    },
  );
});

/** A trainer whose backend fails in a step. */
function failingAt(failure: number, message: string) {
  const prepare = fakePrepare();
  return async (source: Parameters<typeof prepare>[0]) => {
    const prepared = await prepare(source);
    const trainer = createFakeTrainer({ totalSteps: prepared.facts.totalSteps });
    const step: typeof trainer.step = (n, ...rest) => {
      if (n === failure) throw new Error(message);
      return trainer.step(n, ...rest);
    };
    return { ...prepared, createTrainer: async () => ({ ...trainer, step }) };
  };
}

describe('a native backend that is there and broken', () => {
  let cli: string;
  let workspace: string;
  let backends: string;
  beforeAll(async () => {
    ({ cli } = await bundleCli(await scratchFolder()));
    [workspace, backends] = [await scratchFolder(), await scratchFolder()];
    const root = join(import.meta.dirname, '../..');
    await cp(join(root, 'vscode/workspace'), workspace, { recursive: true });
    await cp(join(root, 'reference/fixtures/bert-cls/model'), join(workspace, 'model'), {
      recursive: true,
    });
    await fakeInstallation(backends, 'tensorflow', 'process.exit(7)');
  });

  const train = (backend: string) =>
    promisify(execFile)(
      process.execPath,
      [
        ...[cli, 'train', join(workspace, 'tiny.flatscape.yaml')],
        ...['--set', `runtime.backend=${backend}`],
      ],
      { env: { ...process.env, FLATSCAPE_BACKENDS: backends } },
    ).then(
      () => undefined,
      (error: unknown) => error as { code: number; stderr: string },
    );
  const runs = async () => {
    const folder = join(workspace, '.flatscape/runs');
    return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
  };

  it('starts nothing when the config names it', async () => {
    const refusal = await train('tensorflow');
    expect(refusal?.code).toBe(2);
    expect(refusal?.stderr).toMatch(/exit code 7.*backends install tensorflow/s);
    expect(await runs()).toEqual([]);
  });

  it('is passed over by auto, which says so in run.json and in the journal', async () => {
    expect(await train('auto')).toBeUndefined();
    const [directory = ''] = await runs();
    const { backend } = await readManifest(directory);
    expect(backend.name).not.toBe('tensorflow');
    expect(backend.refused.find(({ name }) => name === 'tensorflow')?.reason).toMatch(
      /exit code 7/,
    );
    const { status, warnings } = await openRun(directory);
    expect(status).toBe('completed');
    expect(warnings).toContainEqual(
      expect.objectContaining({
        code: 'backend-refused',
        message: expect.stringMatching(/tensorflow is installed and was refused/) as string,
      }),
    );
  });
});

describe('an installation of which half is there', () => {
  it.each([
    ['no description', 'installation.json', undefined],
    ['half a description', 'installation.json', '{"format": 1, '],
    ['no package', 'package/package.json', undefined],
  ])('(%s) is damaged, and says how to mend it', async (_, file, text) => {
    const folder = await scratchFolder();
    await fakeInstallation(folder, 'tensorflow', '');
    const place = join(folder, 'tensorflow');
    await rm(join(place, file));
    if (text !== undefined) await writeFile(join(place, file), text);
    const reading = readInstallation('tensorflow', place);
    await expect(reading).rejects.toMatchObject({
      code: 'backend-installation-broken',
      remedy: expect.stringContaining('backends install tensorflow') as string,
    });
  });

  it('is none where its folder is empty', async () => {
    const folder = await scratchFolder();
    await mkdir(join(folder, 'tensorflow'));
    expect(await readInstallation('tensorflow', join(folder, 'tensorflow'))).toBeUndefined();
  });

  it.each([
    ['/x/tfjs_binding.node: file too short', 'backend-wrong-machine'],
    [
      'The Node.js native addon module (tfjs_binding.node) can not be found at path: /x',
      'backend-installation-broken',
    ],
    ["Cannot find module '@mapbox/node-pre-gyp'", 'backend-installation-broken'],
    [
      'libtensorflow_framework.so.2: cannot open shared object file: No such file',
      'backend-library-missing',
    ],
    [
      'was compiled against a different Node.js version using NODE_MODULE_VERSION 93',
      'backend-wrong-node',
    ],
    ['/x/tfjs_binding.node: undefined symbol: napi_x', 'backend-wrong-node'],
    ['libcudart.so.12: cannot open shared object file: No such file', 'backend-library-missing'],
  ])('%s is named', (message, code) => {
    const error = explainLoadError('tensorflow', new Error(message));
    expect(error).toMatchObject({ code });
    expect(error.remedy).toBeTruthy();
  });
});
