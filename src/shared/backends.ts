/**
 * The backends of TensorFlow.js, fastest first: the order in which `auto` tries them. The native ones
 * are installed on demand, for they are large and belong to one machine.
 */
export const BACKEND_NAMES = ['tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export const NATIVE_NAMES = ['tensorflow-gpu', 'tensorflow'] as const;
export type NativeName = (typeof NATIVE_NAMES)[number];

export interface NativeBackend {
  /** npm package of the addon, and the one version that is tested. */
  readonly package: string;
  readonly version: string;
  /** Python wheel with a current TensorFlow library. */
  readonly wheel: { readonly package: string; readonly version: string };
}

export const NATIVE_BACKENDS: Readonly<Record<NativeName, NativeBackend>> = {
  tensorflow: {
    package: '@tensorflow/tfjs-node',
    version: '4.22.0',
    wheel: { package: 'tensorflow_cpu', version: '2.21.0' },
  },
  'tensorflow-gpu': {
    package: '@tensorflow/tfjs-node-gpu',
    version: '4.22.0',
    wheel: { package: 'tensorflow', version: '2.21.0' },
  },
};

/** Where a native backend comes from; each with what a user is told before it is installed. */
export const INSTALL_SOURCES = {
  wheel: {
    summary: 'a current TensorFlow out of its Python wheel; the addon is compiled here',
    size: 'about 0.4 GB to download, 1.2 GB on disk',
    needs: 'python3 with pip, npm, make and a C++ compiler',
  },
  official: {
    summary: 'the npm package with its own download of TensorFlow 2.9 (CUDA 11.2 for the GPU)',
    size: 'about 0.4 GB to download, 0.7 GB on disk (GPU: 0.6 and 1.6)',
    needs: 'npm',
  },
  dir: {
    summary: 'a folder in which the npm package is already installed; it is used where it lies',
    size: 'nothing to download',
    needs: 'the folder',
  },
} as const;
export type InstallSource = keyof typeof INSTALL_SOURCES;

export function isNative(name: string): name is NativeName {
  return (NATIVE_NAMES as readonly string[]).includes(name);
}
