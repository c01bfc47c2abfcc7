import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
// Operands that were computed on the host are served by cpu.
import '@tensorflow/tfjs-backend-cpu';
import { createRequire, Module } from 'node:module';
import { join } from 'node:path';

/**
 * Loads `@tensorflow/tfjs-node[-gpu]` from a folder; it registers the backend `tensorflow`. It gets
 * our own copy of the core: the package's dependency `@tensorflow/tfjs` would bring a second one, and
 * five packages that nothing here needs.
 * @throws whatever stops the package, most often the error of dlopen
 */
export function loadPackage(packageFolder: string): void {
  closeUtilGap();
  quietLibrary();
  const modules = Module as unknown as { _load: Load };
  const original = modules._load;
  modules._load = function (this: unknown, request, ...rest) {
    if (request === '@tensorflow/tfjs' || request === '@tensorflow/tfjs-core') return core();
    return original.call(this, request, ...rest);
  };
  try {
    createRequire(join(packageFolder, 'package.json'))(packageFolder);
  } finally {
    modules._load = original;
  }
}

type Load = (this: unknown, request: string, ...rest: unknown[]) => unknown;

/** What the package takes from `@tensorflow/tfjs`: the core, and two names of the layers API. */
function core(): Record<string, unknown> {
  // The package's ES5 classes call their parent as a function, which a class of today refuses.
  const KernelBackend = function (): void {};
  KernelBackend.prototype = tf.KernelBackend.prototype;
  return {
    ...tf,
    KernelBackend,
    version: { 'tfjs-core': tf.version_core },
    CustomCallback: class {},
    registerCallbackConstructor: () => undefined,
  };
}

/** The package still calls two functions that Node 23 took out of `util` (tfjs#8425, unreleased). */
export function closeUtilGap(
  util = createRequire(import.meta.url)('node:util') as Record<string, unknown>,
): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  // Still there in some versions, where each process that calls it is told that it is deprecated.
  util['isArray'] = Array.isArray;
}

/** Read by the library when it is loaded; what the user has set stays. */
function quietLibrary(): void {
  const defaults = {
    TF_CPP_MIN_LOG_LEVEL: '2',
    // Otherwise it takes all of the card's memory at the start.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    // TF32 products have three digits, too few for the Gram matrices.
    NVIDIA_TF32_OVERRIDE: '0',
  };
  for (const [name, value] of Object.entries(defaults)) process.env[name] ??= value;
}
