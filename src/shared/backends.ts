/** The backends of TensorFlow.js, fastest first: the order in which `auto` tries them. */
export const BACKEND_NAMES = ['tensorflow-gpu', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

/**
 * Those with an addon: large and of one machine, so installed on demand; able to crash or hang, so
 * proved in a process of their own.
 */
export const NATIVE_NAMES = ['tensorflow-gpu', 'tensorflow', 'webgpu'] as const;
export type NativeName = (typeof NATIVE_NAMES)[number];
export type TensorflowName = Exclude<NativeName, 'webgpu'>;

export interface NativeBackend {
  /** npm package of the addon, and the one version that is tested. */
  readonly package: string;
  readonly version: string;
  /** Where it can be installed from, the usual one first. */
  readonly sources: readonly [InstallSource, ...InstallSource[]];
  /** What the index promises of that package, where all of it comes from there. */
  readonly integrity?: string;
  /** Python wheel with a current TensorFlow library. */
  readonly wheel?: { readonly package: string; readonly version: string };
}

export interface TensorflowBackend extends NativeBackend {
  readonly wheel: { readonly package: string; readonly version: string };
}

export const NATIVE_BACKENDS: Readonly<
  Record<TensorflowName, TensorflowBackend> & Record<NativeName, NativeBackend>
> = {
  tensorflow: {
    package: '@tensorflow/tfjs-node',
    version: '4.22.0',
    sources: ['wheel', 'official', 'dir'],
    wheel: { package: 'tensorflow_cpu', version: '2.21.0' },
  },
  'tensorflow-gpu': {
    package: '@tensorflow/tfjs-node-gpu',
    version: '4.22.0',
    sources: ['wheel', 'official', 'dir'],
    wheel: { package: 'tensorflow', version: '2.21.0' },
  },
  webgpu: {
    package: 'webgpu',
    version: '0.6.2',
    sources: ['npm', 'dir'],
    integrity:
      'sha512-3L4GfmqJLvYUIEWJngEQY+2HQiUlAFkg8+P8NDDj3Xx5hHHIFO/r8JW+ynfqBj7kHN4mbnwO74uB+lrRtLhp4Q==',
  },
};

/** Where a native backend comes from; each with what a user is told before it is installed. */
export const INSTALL_SOURCES = {
  wheel: {
    summary: 'a current TensorFlow out of its Python wheel; the addon is compiled here',
    size: 'about 0.3 GB to download, 1.2 GB on disk (GPU, with the CUDA libraries: 3.4 and 6)',
    needs: 'python3 with pip, npm, make and a C++ compiler',
  },
  official: {
    summary: 'the npm package with its own download of TensorFlow 2.9 (CUDA 11.2 for the GPU)',
    size: 'about 0.4 GB to download, 0.7 GB on disk (GPU: 0.6 and 1.6)',
    needs: 'npm',
  },
  npm: {
    summary: 'the npm package with Dawn, the WebGPU of Chromium; no part of it is compiled here',
    size: 'about 51 MB to download, 22 to 40 MB on disk',
    needs: 'npm; to run, the driver of a GPU (on Linux: its Vulkan part and libvulkan)',
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
