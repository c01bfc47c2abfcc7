import { join } from 'node:path';
import type { Config } from '../../shared/config/schema';
import { UserError } from '../../shared/errors';
import { stateNameOf } from '../formats/peft-adapter';
import { writeModelDirectory, MODEL_WEIGHTS } from '../formats/model-write';
import type { ModelSpec } from '../models/architecture';
import type { AdapterPlan, AdapterStore, StoreContext } from './adapter-plan';
import { readParameters } from './read-parameters';
import { tiedPaths, trainedNames } from './trained-names';
import { UNCHANGED } from './unchanged';

/** Full fine-tuning: every tensor, but for tables that a decoder shares. */
export function createFull(_settings: Config['adapter'], spec: ModelSpec): AdapterPlan {
  const tied = tiedPaths(spec);
  return {
    ...UNCHANGED,
    trained: trainedNames(spec, (path) => !tied.has(path)),
    stored: ({ dir }) => {
      throw new UserError({
        code: 'adapter-unsupported',
        message: 'full fine-tuning does not start from an adapter',
        place: { at: 'adapter.init_from' },
        found: dir,
        remedy: 'Name a checkpoint of a full run, or a merged model, in `model.name_or_path`.',
      });
    },
    store: fullStore,
  };
}

/** Checkpoints as model folders that transformers, and we, load as they are. */
function fullStore({ spec, directory, labels, tables }: StoreContext): AdapterStore {
  return {
    save: (dir, { tensors }) =>
      writeModelDirectory(dir, {
        config: classifierConfig(directory.config, spec, labels),
        tokenizerFiles: Object.values(directory.tokenizerFiles),
        tensors: [
          ...[...tables].map(([path, { values, entries, width }]) => ({
            ...{ name: `${path}.weight`, shape: [entries, width], values },
          })),
          ...tensors.map((tensor) => ({ ...tensor, name: stateNameOf(tensor.name) })),
        ],
      }),
    restore: (dir, like) => readParameters(join(dir, MODEL_WEIGHTS), like, stateNameOf),
  };
}

/** The base model's `config.json`, for the class and the labels that were trained. */
function classifierConfig(
  config: Readonly<Record<string, unknown>>,
  spec: ModelSpec,
  labels: readonly string[],
): Readonly<Record<string, unknown>> {
  return {
    ...config,
    architectures: [spec.className],
    ...(spec.headPath !== undefined && {
      id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    }),
  };
}
