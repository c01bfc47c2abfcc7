import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import {
  CHECKPOINT_FILES,
  trainingStateSchema,
  type TrainingState,
} from '../../shared/training-state';
import { writeFileAtomic } from '../formats/atomic-file';
import { openSafetensors, type SafetensorsFile } from '../formats/safetensors-read';
import { writeSafetensors } from '../formats/safetensors-write';
import type { StateTensors } from '../optim/optimizer';

export interface StateTensorGroups {
  /** Moments of the optimizer; keys `optimizer.…` in the file. */
  readonly optimizer: StateTensors;
  /** What the method keeps, e.g. EFMLoRA's average perturbation; keys `method.…`. */
  readonly method: StateTensors;
}

/** Writes `training_state.safetensors` and `training_state.json` into an existing folder. */
export async function writeTrainingState(
  folder: string,
  state: TrainingState,
  groups: StateTensorGroups,
): Promise<void> {
  const tensors = Object.entries(groups).flatMap(([group, entries]: [string, StateTensors]) =>
    [...entries].map(([name, tensor]) => ({ name: `${group}.${name}`, ...tensor })),
  );
  await writeSafetensors(join(folder, CHECKPOINT_FILES.tensors), tensors);
  await writeFileAtomic(
    join(folder, CHECKPOINT_FILES.state),
    `${JSON.stringify(state, undefined, 2)}\n`,
  );
}

/** @throws UserError `checkpoint-damaged`, and those of `openSafetensors` */
export async function readTrainingState(
  folder: string,
): Promise<{ state: TrainingState; groups: StateTensorGroups }> {
  const file = join(folder, CHECKPOINT_FILES.state);
  const parsed = trainingStateSchema.safeParse(await readJson(file));
  if (!parsed.success) throw damaged(file, parsed.error.issues[0]?.message ?? 'a training state');
  const tensors = await openSafetensors(join(folder, CHECKPOINT_FILES.tensors));
  try {
    const [optimizer, method] = [await group(tensors, 'optimizer'), await group(tensors, 'method')];
    return { state: parsed.data, groups: { optimizer, method } };
  } finally {
    await tensors.close();
  }
}

async function group(file: SafetensorsFile, name: string): Promise<StateTensors> {
  const prefix = `${name}.`;
  const entries: [string, { shape: number[]; values: Float32Array }][] = [];
  for (const key of file.tensors.keys()) {
    if (!key.startsWith(prefix)) continue;
    const { shape, values } = await file.readF32(key);
    entries.push([key.slice(prefix.length), { shape: [...shape], values }]);
  }
  return new Map(entries);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw damaged(file, error instanceof Error ? error.message : String(error));
  }
}

function damaged(file: string, found: string): UserError {
  return new UserError({
    code: 'checkpoint-damaged',
    message: 'the training state cannot be read',
    place: { file },
    found,
    remedy: 'Delete this checkpoint folder to resume from the one before it.',
  });
}
