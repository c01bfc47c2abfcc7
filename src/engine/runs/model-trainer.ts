import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import type { Config } from '../../shared/config/schema';
import { isUserError, UserError } from '../../shared/errors';
import { METHODS } from '../../shared/methods';
import type { ParameterMap } from '../adapters/trainable-model';
import type { LoadedModel } from '../adapters/load-trainable';
import { epochOrder, groupByLength, makeBatch, type BatchRow } from '../data/batches';
import { ADAPTER_WEIGHTS, writePeftAdapter } from '../formats/peft-adapter';
import { openSafetensors } from '../formats/safetensors-read';
import { probe as probeSharpness, probeRho } from '../landscape/probe';
import { METHOD_FACTORIES } from '../methods/registry';
import { rhoAt } from '../methods/rho-schedule';
import { clipGradients } from '../optim/clip';
import { lrFraction } from '../optim/lr-schedule';
import { createOptimizer } from '../optim/optimizer';
import { adapterCard } from './adapter-card';
import { classificationMetrics } from './classification-metrics';
import { classify } from './classify';
import { runSteps, stepSeed } from './step-plan';
import type { Trainer } from './trainer';
import { checkpointDamaged, readTrainingState, writeTrainingState } from './training-state';

export interface ModelTrainerOptions {
  readonly config: Config;
  /** Disposed with the trainer. */
  readonly loaded: LoadedModel;
  readonly train: readonly BatchRow[];
  readonly eval: readonly BatchRow[];
  readonly padId: number;
  readonly labels: readonly string[];
}

/** Trains the adapter of a loaded model with the config's method and optimizer. */
export function createModelTrainer(options: ModelTrainerOptions): Trainer {
  const { config, loaded, train, padId, labels } = options;
  const { model } = loaded;
  const { seed, shuffle, batch_size } = config.train;
  const { stepsPerEpoch, totalSteps } = runSteps(config.train, train.length);
  const method = METHOD_FACTORIES[config.method.name]({ model, config: config.method });
  const optimizer = createOptimizer(config.optimizer);
  const perturbs = METHODS[config.method.name].perturbs;
  let parameters: ParameterMap = loaded.initial;
  let order: { epoch: number; indices: Int32Array } | undefined;

  const replaceParameters = (next: ParameterMap): void => {
    tf.dispose([...parameters.values()]);
    parameters = next;
  };

  const perStep = batch_size * config.train.gradient_accumulation_steps;
  const lengths = train.map(({ ids }) => ids.length);

  function orderOf(epoch: number): Int32Array {
    const shuffled = epochOrder(seed, epoch, train.length, shuffle);
    return config.train.group_by_length ? groupByLength(shuffled, lengths, perStep) : shuffled;
  }

  /** What a step reads, and its learning rate and radius: a function of its number alone. */
  function plan(step: number) {
    const epoch = Math.floor((step - 1) / stepsPerEpoch);
    if (order?.epoch !== epoch) order = { epoch, indices: orderOf(epoch) };
    const start = ((step - 1) % stepsPerEpoch) * perStep;
    const rows = pick(train, order.indices.subarray(start, start + perStep));
    const fraction = lrFraction(config.schedule, step, totalSteps);
    return {
      microBatches: chunks(rows, batch_size).map((chunk) => makeBatch(chunk, padId)),
      lr: config.optimizer.lr * fraction,
      rho: perturbs
        ? rhoAt(config.method, { step, totalSteps, stepsPerEpoch, lrFraction: fraction })
        : 0,
    };
  }

  const probeRows = config.probe.source === 'eval' ? options.eval : train;
  const probeIndices = epochOrder(seed, -1, probeRows.length, true);
  const probeBatch = makeBatch(
    pick(probeRows, probeIndices.subarray(0, config.probe.examples)),
    padId,
  );

  return {
    totalSteps,
    stepsPerEpoch,
    hasEval: options.eval.length > 0,

    async step(step) {
      const { microBatches, lr, rho } = plan(step);
      const output = await method.step({
        parameters,
        microBatches,
        dropout: microBatches.map((_batch, micro) => ({ seed: stepSeed(seed, step, micro) })),
        rho,
        metrics: config.probe.step_metrics,
      });
      const clipped = await clipGradients(new Map(output.gradients), config.train.max_grad_norm);
      // A step that the loop is about to refuse leaves the weights alone.
      if (Number.isFinite(output.loss) && Number.isFinite(clipped.norm))
        replaceParameters(optimizer.update(parameters, clipped.gradients, lr));
      tf.dispose([...clipped.gradients.values()]);
      const { loss, lossPerturbed, degenerate, layers } = output;
      return {
        loss,
        ...(lossPerturbed !== undefined && { lossPerturbed }),
        lr,
        rho,
        gradientNorm: clipped.norm,
        clipped: clipped.clipped,
        degenerate,
        ...(config.probe.step_metrics && { layers: mutable(layers) }),
      };
    },

    async probe() {
      const { loss, sharpness, layers } = await probeSharpness(
        model,
        parameters,
        probeBatch,
        config,
      );
      return {
        loss,
        ...(sharpness !== undefined && { sharpness }),
        rho: probeRho(config),
        examples: probeBatch.rows,
        source: config.probe.source,
        seed,
        layers: mutable(layers),
      };
    },

    async evaluate({ signal, onProgress }) {
      const rows = options.eval;
      const batchSize = config.train.eval_batch_size;
      const all = { model, parameters, rows, padId, batchSize, signal, onProgress };
      const result = await classify(all);
      if (!result) return undefined;
      const truth = rows.map(({ label }) => (typeof label === 'number' ? label : -1));
      const metrics = classificationMetrics(truth, result.predictions);
      return { examples: rows.length, loss: result.loss, ...metrics };
    },

    async save(directory, step) {
      if (!loaded.peft) throw new Error('a model without an adapter cannot be saved');
      await writePeftAdapter(directory, {
        config: { ...loaded.peft, base_model_name_or_path: config.model.name_or_path },
        tensors: await finiteTensors(parameters, step),
        card: adapterCard(config, labels, step),
      });
      await writeTrainingState(
        directory,
        {
          format: 1,
          step,
          optimizerSteps: optimizer.steps,
          epoch: Math.floor(step / stepsPerEpoch),
          offset: step % stepsPerEpoch,
          rho: step > 0 ? plan(step).rho : 0,
          seed,
          method: config.method.name,
          optimizer: config.optimizer.name,
        },
        { optimizer: await optimizer.saveState(), method: await method.saveState() },
      );
    },

    async restore(directory) {
      const { state, groups } = await readTrainingState(directory).catch(asDamaged);
      const adapter = join(directory, ADAPTER_WEIGHTS);
      replaceParameters(await readParameters(adapter, parameters).catch(asDamaged));
      optimizer.restoreState(groups.optimizer, state.optimizerSteps);
      method.restoreState(groups.method);
    },

    dispose() {
      tf.dispose([...parameters.values()]);
      optimizer.dispose();
      method.dispose();
      model.dispose();
    },
  };
}

function pick(rows: readonly BatchRow[], indices: Int32Array): BatchRow[] {
  return Array.from(indices).flatMap((index) => rows[index] ?? []);
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

/**
 * The values to save. A finite loss may come before an update that overflows: such weights must not
 * take the place of good ones.
 * @throws UserError `weights-not-finite`
 */
async function finiteTensors(parameters: ParameterMap, step: number) {
  return Promise.all(
    [...parameters].map(async ([name, tensor]) => {
      const values = (await tensor.data()) as Float32Array;
      if (values.every(Number.isFinite)) return { name, shape: tensor.shape, values };
      throw new UserError({
        code: 'weights-not-finite',
        message: `the weights overflow at step ${step}`,
        place: { at: name },
        expected: 'finite numbers',
        found: String(values.find((value) => !Number.isFinite(value))),
        remedy: 'Start a new run with a lower `optimizer.lr`; earlier checkpoints are intact.',
      });
    }),
  );
}

/** The readers know nothing of runs: what to do about a damaged file is said here. */
function asDamaged(error: unknown): never {
  if (!isUserError(error) || error.code === 'checkpoint-damaged') throw error;
  const { message, place = {}, expected, found } = error;
  throw checkpointDamaged(place, {
    message: `the checkpoint cannot be resumed from: ${message}`,
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
  });
}

/** Values by the keys, and in the shapes, of `like`; every one must be in the file. */
async function readParameters(file: string, like: ParameterMap): Promise<ParameterMap> {
  const tensors = await openSafetensors(file);
  try {
    const entries: [string, tf.Tensor][] = [];
    for (const [name, { shape }] of like) {
      const stored = await tensors.readF32(name);
      if (stored.shape.join() !== shape.join())
        throw checkpointDamaged(
          { file, at: name },
          { expected: `shape [${shape.join(', ')}]`, found: `[${stored.shape.join(', ')}]` },
        );
      entries.push([name, tf.tensor(stored.values, [...shape], 'float32')]);
    }
    return new Map(entries);
  } finally {
    await tensors.close();
  }
}

/** Journal events own their arrays; a method's are read-only. */
function mutable<K extends string>(
  layers: Partial<Record<K, readonly number[]>>,
): Partial<Record<K, number[]>> {
  return layers as Partial<Record<K, number[]>>;
}
