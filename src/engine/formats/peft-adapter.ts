import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import { writeFileAtomic } from './atomic-file';
import { writeError } from '../../shared/file-errors';
import { isFile } from './files';
import { pickleRefused } from './model-directory';
import { readAdapterConfig, type AdapterConfig } from './peft-config';
import { openSafetensors, type F32Tensor } from './safetensors-read';
import { writeSafetensors, type WritableTensor } from './safetensors-write';

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
export const ADAPTER_CONFIG = 'adapter_config.json';
/** What PEFT puts before every module path. */
export const ADAPTER_KEY_PREFIX = 'base_model.model.';

/** PEFT's key of a state-dict name. */
export function peftKey(name: string): string {
  return `${ADAPTER_KEY_PREFIX}${name}`;
}

/** The state-dict name of a key of PEFT's. */
export function stateNameOf(key: string): string {
  return key.slice(ADAPTER_KEY_PREFIX.length);
}

/** An adapter as it lies on disk. `arrangeAdapter` checks it against a model. */
export interface PeftAdapter {
  readonly dir: string;
  readonly config: AdapterConfig;
  /** By PEFT's full key, in float32 whatever the file holds. */
  readonly tensors: ReadonlyMap<string, F32Tensor>;
}

/**
 * Reads a LoRA adapter that PEFT or we have saved.
 * @throws UserError `adapter-incomplete`, `model-pickle`, `adapter-config-invalid`,
 *         `adapter-unsupported`, `adapter-key-unexpected`, and those of `openSafetensors`
 */
export async function readPeftAdapter(dir: string): Promise<PeftAdapter> {
  const weights = join(dir, ADAPTER_WEIGHTS);
  const pickle = join(dir, 'adapter_model.bin');
  if (!(await isFile(weights)) && (await isFile(pickle))) throw pickleRefused(pickle);
  for (const name of [ADAPTER_CONFIG, ADAPTER_WEIGHTS])
    if (!(await isFile(join(dir, name)))) throw notAnAdapter(dir, name);
  const config = await readAdapterConfig(join(dir, ADAPTER_CONFIG));
  const file = await openSafetensors(weights);
  try {
    const tensors = new Map<string, F32Tensor>();
    for (const name of file.tensors.keys()) {
      if (!name.startsWith(ADAPTER_KEY_PREFIX)) {
        throw new UserError({
          code: 'adapter-key-unexpected',
          message: 'this is not the key of a PEFT adapter',
          place: { file: weights, at: name },
          expected: `a key that begins with ${ADAPTER_KEY_PREFIX}`,
        });
      }
      tensors.set(name, await file.readF32(name));
    }
    return { dir, config, tensors };
  } finally {
    await file.close();
  }
}

function notAnAdapter(dir: string, missing: string): UserError {
  return new UserError({
    code: 'adapter-incomplete',
    message: 'this is not an adapter folder',
    place: { file: dir },
    expected: `a folder with ${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS}`,
    found: `no ${missing}`,
    remedy: 'Name a folder that PEFT has saved, or a `checkpoints/step-N` of a run.',
  });
}

export interface AdapterToWrite {
  /** Fields left out take PEFT's defaults; `target_modules` must be explicit. */
  readonly config: Partial<AdapterConfig> &
    Pick<AdapterConfig, 'r' | 'lora_alpha' | 'target_modules' | 'task_type'>;
  /** By PEFT's full key: LoRA tensors and, for a classifier, its whole head. */
  readonly tensors: Iterable<WritableTensor>;
  /** Markdown for the model card, below its title. */
  readonly card: string;
}

/**
 * Writes `adapter_model.safetensors`, `README.md` and, last, `adapter_config.json`: a folder with
 * a configuration is a complete adapter. The folder is made if need be; other files in it stay.
 * @throws UserError `disk-full`, `write-failed`
 */
export async function writePeftAdapter(dir: string, adapter: AdapterToWrite): Promise<void> {
  if (adapter.config.target_modules === null)
    throw new Error('an adapter is written with an explicit target list');
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw writeError(error, dir);
  }
  await writeSafetensors(join(dir, ADAPTER_WEIGHTS), adapter.tensors);
  await writeFileAtomic(join(dir, 'README.md'), modelCard(adapter));
  await writeFileAtomic(join(dir, ADAPTER_CONFIG), configJson(adapter.config));
}

/** Every field that peft 0.21.0 writes, with its default. */
const PEFT_FIELDS: Readonly<Record<string, unknown>> = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  base_model_name_or_path: null,
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 8,
  lora_bias: false,
  lora_dropout: 0,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_type: 'LORA',
  peft_version: '0.21.0',
  qalora_group_size: 16,
  r: 8,
  rank_pattern: {},
  revision: null,
  target_modules: null,
  target_parameters: null,
  task_type: null,
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
};

function configJson(config: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries({ ...PEFT_FIELDS, ...config }).sort(([a], [b]) => (a < b ? -1 : 1));
  const json = JSON.stringify(Object.fromEntries(fields), null, 2);
  // Python's writer escapes everything beyond ASCII.
  return json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function modelCard({ config, card }: AdapterToWrite): string {
  const base = config.base_model_name_or_path;
  // The hub takes only its own names as a base model, not folders.
  const isHubName =
    typeof base === 'string' && /^[\w.-]+\/[\w.-]+$/.test(base) && !base.startsWith('.');
  const front = [
    '---',
    ...(isHubName ? [`base_model: ${base}`] : []),
    'library_name: peft',
    'tags:',
    '- lora',
    '- flatscape',
    '---',
  ];
  return `${front.join('\n')}\n\n# LoRA adapter\n\n${card.trim()}\n\n### Framework versions\n\n- PEFT 0.21.0\n`;
}
