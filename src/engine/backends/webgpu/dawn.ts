import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../../shared/errors';
import { readInstallation, repairRemedy } from '../native/installation';
import { explainLoadError, notInstalled } from '../native/native-backend';

/** A device of WebGPU, and what its adapter says of itself. */
export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  /** E.g. `NVIDIA H100 (driver 550.54)`. */
  readonly description: string;
  /** A driver that computes on the processor. */
  readonly software: boolean;
}

/** The types that TensorFlow.js brings are older than these. */
export type AdapterInfo = GPUAdapterInfo & { readonly isFallbackAdapter?: boolean };

/**
 * Loads Dawn from where it was installed, makes it the process's WebGPU, and opens a device on the
 * fastest adapter.
 * @throws UserError `backend-not-installed`, `backend-no-gpu`, those of `explainLoadError`
 */
export async function openDevice(): Promise<OpenedDevice> {
  const gpu = await loadDawn();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw noAdapter();
  const { info } = adapter as unknown as { readonly info: AdapterInfo };
  const device = await adapter.requestDevice({ requiredLimits: limitsOf(adapter) });
  const { vendor, device: model, description } = info;
  return {
    ...{ device, info, software: info.isFallbackAdapter === true },
    description: [vendor, model.replace(/-$/, ''), description && `(${description})`]
      .filter(Boolean)
      .join(' '),
  };
}

/** What TensorFlow.js would ask for: as much as there is, where the default is less. */
function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension,
    maxComputeWorkgroupSizeX,
    maxComputeInvocationsPerWorkgroup,
  } = limits;
  return {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension,
    maxComputeWorkgroupSizeX,
    maxComputeInvocationsPerWorkgroup,
  };
}

let loaded: GPU | undefined;

/** TensorFlow.js takes WebGPU, like a page, from the global scope. */
async function loadDawn(): Promise<GPU> {
  if (loaded) return loaded;
  const installation = await readInstallation('webgpu');
  if (!installation) throw notInstalled('webgpu');
  const main = pathToFileURL(join(installation.packageFolder, 'index.js')).href;
  let dawn: { create(options: string[]): GPU; globals: object };
  try {
    dawn = (await import(/* @vite-ignore */ main)) as typeof dawn;
  } catch (error) {
    throw explainLoadError('webgpu', error);
  }
  Object.assign(globalThis, dawn.globals);
  // Held for good: a device outlives its instance badly.
  loaded = dawn.create([]);
  // Newer Nodes have a navigator, without `gpu`.
  const scope = globalThis as { navigator?: object };
  if (!scope.navigator)
    Object.defineProperty(scope, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(scope.navigator, 'gpu', { value: loaded, configurable: true });
  return loaded;
}

function noAdapter(): UserError {
  const linux =
    'Install its driver with the Vulkan part and the Vulkan loader (on Debian: `libvulkan1`, and `mesa-vulkan-drivers` of Mesa 25 or later, or NVIDIA’s driver), and see that this process may use the card; `vulkaninfo` shows what there is.';
  return new UserError({
    code: 'backend-no-gpu',
    message: 'webgpu found no GPU with a driver that it can use',
    remedy: `${process.platform === 'linux' ? linux : 'Update the driver of the GPU.'} Or use another backend.`,
  });
}

/** @throws UserError when a device could not be opened, though there is an adapter */
export function deviceRefused(cause: unknown): UserError {
  return new UserError(
    {
      code: 'backend-unavailable',
      message: 'webgpu could not open the GPU',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: `Update its driver, or use another backend. ${repairRemedy('webgpu')}`,
    },
    { cause },
  );
}
