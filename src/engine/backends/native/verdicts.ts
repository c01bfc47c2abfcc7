import { version_core } from '@tensorflow/tfjs-core';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { arch, cpus, hostname, platform, release } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { version } from '../../../../package.json';
import { isNative, type BackendName } from '../../../shared/backends';
import { writeFileAtomic } from '../../formats/atomic-file';
import { backendsFolder, readInstallation } from './installation';

export const deviceSchema = z.object({ name: z.string(), software: z.boolean() });
const common = { milliseconds: z.number(), checkedAt: z.number() };
export const verdictSchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    memoryBytes: z.number(),
    device: deviceSchema.optional(),
    ...common,
  }),
  z.object({ ok: z.literal(false), reason: z.string(), ...common }),
]);
/** What a probe found; `reason` in words that a user can act on. */
export type Verdict = z.output<typeof verdictSchema>;

/** A refusal may have been the moment's: a full card, a machine that was too busy. */
const REFUSAL_HOLDS_MS = 24 * 3600 * 1000;

/** The verdict of this machine and these versions, if one is kept that still holds. */
export async function keptVerdict(name: BackendName): Promise<Verdict | undefined> {
  try {
    const verdict = verdictSchema.parse(JSON.parse(await readFile(await fileOf(name), 'utf8')));
    const age = Date.now() - verdict.checkedAt;
    return verdict.ok || (age >= 0 && age < REFUSAL_HOLDS_MS) ? verdict : undefined;
  } catch {
    // None, or not ours to read: the probe is simply made again.
    return undefined;
  }
}

export async function keepVerdict(name: BackendName, verdict: Verdict): Promise<void> {
  const file = await fileOf(name);
  await mkdir(verdictsFolder(), { recursive: true });
  await writeFileAtomic(file, `${JSON.stringify(verdict)}\n`);
}

/** To be called when an installation changes. */
export async function forgetVerdicts(name: BackendName): Promise<void> {
  const files = await readdir(verdictsFolder()).catch(() => []);
  const own = files.filter((file) => file.replace(/-[0-9a-f]{16}\.json$/, '') === name);
  await Promise.all(own.map((file) => rm(join(verdictsFolder(), file), { force: true })));
}

function verdictsFolder(): string {
  return join(backendsFolder(), 'verdicts');
}

async function fileOf(name: BackendName): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(await circumstances(name)));
  return join(verdictsFolder(), `${name}-${key.digest('hex').slice(0, 16)}.json`);
}

/** Everything that a verdict depends on; when one changes, the probe is made again. */
async function circumstances(name: BackendName): Promise<unknown[]> {
  const driver = await readFile('/proc/driver/nvidia/version', 'utf8').catch(() => '');
  return [
    ...[version, version_core, process.versions.node, process.versions['electron'] ?? ''],
    ...[platform(), arch(), release(), hostname(), cpus()[0]?.model, driver],
    ...(isNative(name) ? await installed(name) : []),
    ...(name === 'webgpu' ? await vulkanDrivers() : []),
  ];
}

async function vulkanDrivers(): Promise<unknown[]> {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH } = process.env;
  const folders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
  const lists = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return [VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH, ...lists];
}

async function installed(name: Parameters<typeof readInstallation>[0]): Promise<unknown[]> {
  const installation = await readInstallation(name);
  if (!installation) return [];
  const { packageFolder } = installation;
  const libraries = await readdir(join(packageFolder, 'deps/lib')).catch(() => []);
  const files = [
    ...['package.json', ...libraries.map((file) => `deps/lib/${file}`)],
    ...(await addons(packageFolder)),
  ];
  const stats = await Promise.all(
    files.map((file) => stat(join(packageFolder, file)).catch(() => undefined)),
  );
  return [installation, stats.map((found) => [found?.mtimeMs, found?.size])];
}

async function addons(packageFolder: string): Promise<string[]> {
  const folders = await readdir(join(packageFolder, 'lib')).catch(() => []);
  return folders.map((folder) => `lib/${folder}/tfjs_binding.node`);
}
