import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installBackend } from '../../../src/engine/backends/native/install';
import { NATIVE_BACKENDS, type TensorflowName } from '../../../src/shared/backends';
import { inFolder } from '../../support/fake-installation';
import { wheelIndex } from '../../support/wheel-index';
import { bundleCli, scratchFolder } from './support/scratch';

const CUDA = ['nvidia-cublas-cu12', 'nvidia-cudnn-cu12'] as const;

/** As the package registers its backend, on the cpu's kernels. */
const STAND_IN = `
  const tf = require('@tensorflow/tfjs');
  for (const kernel of tf.getKernelsForBackend('cpu'))
    tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
  tf.registerBackend('tensorflow', () =>
    Object.assign(tf.findBackendFactory('cpu')(), { isUsingGpuDevice: true }));
`;

const TENSORFLOW = {
  'tensorflow/include/tensorflow/c/c_api.h': 'header',
  'tensorflow/libtensorflow_cc.so.2': 'library',
  'tensorflow/libtensorflow_framework.so.2': 'framework',
  'tensorflow/python/framework/ops.py': 'python',
};

const GPU = { name: 'tensorflow-gpu', source: 'wheel', withoutGpu: true } as const;

const hasPip = works('python3', ['-m', 'pip', '--version']);

describe.skipIf(!hasPip)('the wheels of TensorFlow', { timeout: 60_000 }, () => {
  let engineScript: string;
  const before = { ...process.env };
  beforeAll(async () => {
    engineScript = (await bundleCli(await scratchFolder())).engine;
  });
  beforeEach(async () => {
    // The index of the test alone: not what this machine's pip is configured with.
    for (const name of Object.keys(process.env)) if (/^PIP_/.test(name)) delete process.env[name];
    process.env['PIP_CONFIG_FILE'] = '/dev/null';
  });
  afterEach(() => {
    for (const name of ['PATH', ...Object.keys(before).filter((key) => /^PIP_/.test(key))])
      process.env[name] = before[name];
  });

  it('bring the CUDA libraries that they name to where the library looks for them', async () => {
    const folder = await scratchFolder();
    inFolder(folder);
    const index = await tensorflowIndex('tensorflow-gpu');
    await standInTools('tensorflow-gpu');
    const messages: string[] = [];
    await installBackend({
      ...{ ...GPU, index: index.url, engineScript },
      onProgress: (message) => messages.push(message),
    });
    const place = join(folder, 'tensorflow-gpu/node_modules/@tensorflow/tfjs-node-gpu/deps');
    expect(await readdir(join(place, 'lib'))).toEqual([
      ...['libtensorflow.so', 'libtensorflow.so.2.9.1', 'libtensorflow_cc.so.2'],
      ...['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
    ]);
    expect(await readlink(join(place, 'lib/libtensorflow.so'))).toBe('libtensorflow_cc.so.2');
    expect((await readdir(join(place, 'nvidia'), { recursive: true })).sort()).toEqual([
      ...['cublas', 'cublas/lib', 'cublas/lib/libcublas.so.12'],
      ...['cudnn', 'cudnn/lib', 'cudnn/lib/libcudnn.so.9'],
    ]);
    expect(index.fetched.filter((name) => name === 'other-package')).toEqual([]);
    for (const name of CUDA)
      expect(messages.join('\n')).toMatch(new RegExp(`downloading ${name}.*: 0 MB`));
    const text = await readFile(join(folder, 'tensorflow-gpu/installation.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ source: 'wheel', library: 'tensorflow 2.21.0' });
  });

  it.each([
    ['missing', 'download-unreachable'],
    ['changed', 'checksum-mismatch'],
  ] as const)(
    'that are %s end it as %s, and the next try fetches only the rest',
    async (fault, code) => {
      inFolder(await scratchFolder());
      const index = await tensorflowIndex('tensorflow-gpu');
      await standInTools('tensorflow-gpu');
      const options = { ...GPU, index: index.url, engineScript };
      index.faults.set(CUDA[1], fault);
      await expect(installBackend(options)).rejects.toMatchObject({ code });
      index.faults.clear();
      index.fetched.length = 0;
      await installBackend(options);
      expect([...new Set(index.fetched)]).toEqual([CUDA[1]]);
    },
  );

  it('of the CPU are one', async () => {
    inFolder(await scratchFolder());
    const index = await tensorflowIndex('tensorflow');
    await standInTools('tensorflow');
    await installBackend({ name: 'tensorflow', source: 'wheel', index: index.url, engineScript });
    expect([...new Set(index.fetched)]).toEqual(['tensorflow-cpu']);
  });

  it.each([
    ['no network', { PIP_INDEX_URL: 'http://127.0.0.1:9/simple' }],
    [
      'a wrong proxy',
      { PIP_INDEX_URL: 'https://index.invalid/simple', PIP_PROXY: 'http://127.0.0.1:9' },
    ],
  ])('with %s are out of reach', async (_, variables) => {
    inFolder(await scratchFolder());
    await standInTools('tensorflow');
    Object.assign(process.env, variables);
    const install = installBackend({ name: 'tensorflow', source: 'wheel', engineScript });
    await expect(install).rejects.toMatchObject({
      code: 'download-unreachable',
      remedy: expect.stringContaining('HTTPS_PROXY') as string,
    });
  });
});

async function tensorflowIndex(name: TensorflowName) {
  const { wheel } = NATIVE_BACKENDS[name];
  const nvidia = CUDA.map((cuda) => {
    const part = cuda.split('-')[1] ?? '';
    const version = part === 'cudnn' ? '9' : '12';
    return {
      ...{ name: cuda, version: '12.1' },
      files: {
        [`nvidia/${part}/lib/lib${part}.so.${version}`]: 'library',
        [`nvidia/${part}/lib/lib${part}_static.a`]: 'static',
        [`nvidia/${part}/include/${part}.h`]: 'header',
        [`nvidia/${part}/__init__.py`]: '',
      },
    };
  });
  const requires = [
    'other-package>=1',
    ...CUDA.map((cuda) => `${cuda}<13.0,>=12.0; extra == "and-cuda"`),
  ];
  return wheelIndex(await scratchFolder(), [
    { name: wheel.package, version: wheel.version, requires, files: TENSORFLOW },
    ...nvidia,
  ]);
}

/** npm and a compiler that leave what the real ones would, a package that works; pip is the real one. */
async function standInTools(name: TensorflowName): Promise<void> {
  const folder = await scratchFolder();
  const place = `node_modules/${NATIVE_BACKENDS[name].package}`;
  const manifest = JSON.stringify({ name: NATIVE_BACKENDS[name].package, main: 'index.js' });
  await writeFile(join(folder, 'index.js'), STAND_IN);
  const scripts = {
    npm: `mkdir -p ${place} && echo '${manifest}' > ${place}/package.json && cp ${folder}/index.js ${place}`,
    ...{ make: '', 'g++': '', 'node-pre-gyp': '' },
  };
  for (const [tool, body] of Object.entries(scripts)) {
    await writeFile(join(folder, tool), `#!/bin/sh\n${body}\n`);
    await chmod(join(folder, tool), 0o755);
  }
  process.env['PATH'] = `${folder}:${process.env['PATH']}`;
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
