import * as tf from '@tensorflow/tfjs-core';
import { execFileSync } from 'node:child_process';
import { totalmem } from 'node:os';
import { NATIVE_BACKENDS, type NativeName, type TensorflowName } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import type { Backend } from '../backend';
import { placeTensors } from '../tensor-place';
import { readInstallation, repairRemedy } from './installation';
import { loadFused } from './kernels/load-fused';
import { loadPackage } from './load-package';

/** A backend on TensorFlow's C library, loaded from where it was installed. */
export function nativeBackend(name: TensorflowName, summary: string): Backend {
  return {
    name,
    get summary() {
      return loaded === name && fused !== undefined ? `${summary}, ${fused}` : summary;
    },
    get memoryLimit() {
      return (name === 'tensorflow-gpu' ? graphicsMemory() : undefined) ?? mainMemory();
    },
    start: async () => {
      tf.enableProdMode();
      await load(name);
      if (!(await tf.setBackend('tensorflow'))) throw failed(name, 'it refused to start');
      const { isUsingGpuDevice } = tf.backend() as { readonly isUsingGpuDevice?: boolean };
      if (name === 'tensorflow-gpu' && !isUsingGpuDevice) throw noGpu();
      placeTensors(isUsingGpuDevice ? 'device' : 'host');
    },
  };
}

let loaded: TensorflowName | undefined;
/** What is there of our own kernels. */
let fused: string | undefined;

async function load(name: TensorflowName): Promise<void> {
  if (loaded === name) return;
  const installation = await readInstallation(name);
  if (!installation) throw notInstalled(name);
  // Both register one name, and a library cannot be unloaded.
  if (loaded !== undefined) throw failed(name, `this process has already loaded ${loaded}`);
  try {
    loadPackage(installation.packageFolder);
  } catch (error) {
    throw explainLoadError(name, error);
  }
  loaded = name;
  if (name === 'tensorflow') fused = loadFused(installation.packageFolder);
  if (!tf.findBackend('tensorflow')) throw failed(name, 'its package registered no backend');
}

/** What the loader of Linux, Windows or macOS says of a file that is none of its own. */
const DAMAGED =
  /invalid ELF header|wrong ELF class|file too short|file truncated|cannot read file data|not a valid Win32|incompatible architecture|not a mach-o file/i;

/** In words that a user can act on: a library that is missing, another machine's addon, or neither. */
export function explainLoadError(name: NativeName, error: unknown): UserError {
  const text = error instanceof Error ? error.message : String(error);
  const library = /(\S+\.so[.\d]*): cannot open shared object file/.exec(text)?.[1];
  if (library !== undefined)
    return new UserError(
      {
        code: 'backend-library-missing',
        message: `${name} needs the library ${library}, which is not on this machine`,
        found: firstLine(text),
        remedy: /cuda|cudnn|cublas|cufft|cusparse|nccl|nvinfer/i.test(library)
          ? 'Install the CUDA libraries that it names, or use the backend tensorflow, which needs none.'
          : repairRemedy(name),
      },
      { cause: error },
    );
  if (DAMAGED.test(text))
    return new UserError(
      {
        code: 'backend-wrong-machine',
        message: `the addon of ${name} was built for another machine, or is damaged`,
        found: firstLine(text),
        remedy: repairRemedy(name),
      },
      { cause: error },
    );
  if (/tfjs_binding\.node\) can not be found|Cannot find module/i.test(text))
    return new UserError(
      {
        code: 'backend-installation-broken',
        message: `the installation of ${name} is incomplete`,
        found: firstLine(text),
        remedy: repairRemedy(name),
      },
      { cause: error },
    );
  if (/NODE_MODULE_VERSION|undefined symbol|Module did not self-register/i.test(text))
    return new UserError(
      {
        code: 'backend-wrong-node',
        message: `the addon of ${name} does not fit this Node.js (${process.version}) or its library`,
        found: firstLine(text),
        remedy: repairRemedy(name),
      },
      { cause: error },
    );
  return failed(name, firstLine(text), error);
}

export function notInstalled(name: NativeName): UserError {
  const { package: npmPackage } = NATIVE_BACKENDS[name];
  return new UserError({
    code: 'backend-not-installed',
    message: `${name} (${npmPackage}) is not installed`,
    remedy: `Run \`flatscape backends install ${name}\`, or the command Install Native Backend.`,
  });
}

function failed(name: NativeName, found: string, cause?: unknown): UserError {
  const fields = {
    code: 'backend-unavailable',
    message: `${name} could not be loaded`,
    found,
    remedy: repairRemedy(name),
  };
  return new UserError(fields, cause === undefined ? undefined : { cause });
}

function noGpu(): UserError {
  return new UserError({
    code: 'backend-no-gpu',
    message: 'tensorflow-gpu found no GPU that it can use, and would compute on the CPU',
    remedy:
      'Check that `nvidia-smi` lists the card and that the CUDA and cuDNN libraries fit this TensorFlow, or use the backend tensorflow.',
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

/** What the machine, or the container, has. */
export function mainMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Bytes of the first card; undefined where its driver's tool does not answer. */
export function graphicsMemory(): number | undefined {
  const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
  try {
    const answer = execFileSync('nvidia-smi', query, { encoding: 'utf8', timeout: 5000 });
    const mebibytes = Number(answer.trim().split('\n')[0]);
    return mebibytes > 0 ? mebibytes * 2 ** 20 : undefined;
  } catch {
    // Without the tool the size stays unknown; the run itself would say that it does not fit.
    return undefined;
  }
}
