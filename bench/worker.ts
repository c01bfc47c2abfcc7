import * as tf from '@tensorflow/tfjs-core';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadTrainableModel, type LoadedModel } from '../src/engine/adapters/load-trainable';
import { BACKENDS } from '../src/engine/backends/registry';
import { makeBatch, type BatchRow } from '../src/engine/data/batches';
import { openModelDirectory } from '../src/engine/formats/model-directory';
import { createModelTrainer } from '../src/engine/runs/model-trainer';
import type { Trainer } from '../src/engine/runs/trainer';
import { configSchema, type Config } from '../src/shared/config/schema';
import { timeAlgebra } from './time-algebra';
import { memoryUse } from './memory-use';
import { openLandscape, type LandscapeBench } from './time-landscape';
import { BATCHES_FILE, LABELS, TARGETS, type BenchBatches } from './models';
import { timeProducts } from './time-products';
import type { Subject, WorkerCalls } from './worker-protocol';

// Entry of one contender: reads requests from its input, a JSON line each, and answers likewise.

/** Far more than any measurement takes. */
const ENDLESS = 1_000_000;

let subject:
  { config: Config; loaded: LoadedModel; rows: BatchRow[]; trainer: Trainer } | undefined;
let step = 0;
let landscape: LandscapeBench | undefined;

type Answers = {
  [K in keyof WorkerCalls]: (ask: WorkerCalls[K]['ask']) => Promise<WorkerCalls[K]['answer']>;
};

const answers: Answers = {
  start: async ({ backend }) => {
    await BACKENDS[backend].start();
    return { 'TensorFlow.js': tf.version_core, Node: process.versions.node };
  },
  load: async (wanted) => {
    subject = await load(wanted);
    return { modules: subject.loaded.model.modules.map(({ out, in: inputs }) => [out, inputs]) };
  },
  loss: async () => {
    const { loaded, rows, config } = loadedSubject();
    const batch = makeBatch(rows.slice(0, config.train.batch_size), 0);
    const loss = tf.tidy(() => loaded.model.loss(loaded.initial, batch));
    const [value] = await loss.data();
    loss.dispose();
    return { loss: value ?? NaN };
  },
  save: async ({ folder }) => {
    await loadedSubject().trainer.save(folder, step);
    return {};
  },
  steps: async ({ count }) => {
    const { trainer } = loadedSubject();
    const [ms, losses]: [number[], number[]] = [[], []];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      const { loss } = await trainer.step(++step);
      ms.push(performance.now() - started);
      losses.push(loss);
    }
    return { ms, losses };
  },
  products: async ({ products }) => ({ ms: await timeProducts(products) }),
  algebra: async ({ count }) => {
    const { loaded, config } = loadedSubject();
    return { ms: await timeAlgebra(loaded.model.modules, config.method, count) };
  },
  memory: async () => memoryUse(),
  openLandscape: async ({ folder, adapterFolder }) => {
    landscape = await openLandscape(folder, adapterFolder);
    return { modules: landscape.modules };
  },
  landscape: async ({ work, count }) => {
    const ms: number[] = [];
    for (let i = 0; i < count; i++) ms.push(await openedLandscape().time(work));
    return { ms };
  },
  hessian: ({ probes }) => openedLandscape().hessian(probes),
};

async function load({ folder, dropout, method, stepMetrics, adapter }: Subject) {
  const batches = JSON.parse(await readFile(join(folder, BATCHES_FILE), 'utf8')) as BenchBatches;
  const config = configSchema.parse({
    model: { name_or_path: folder },
    task: { train: 'none.jsonl', labels: [...LABELS] },
    adapter: {
      r: adapter.r,
      lora_alpha: 2 * adapter.r,
      target_modules: [...TARGETS[adapter.targets].modules],
    },
    method: { name: method, rho_schedule: 'constant' },
    optimizer: { name: 'adamw', lr: 1e-4 },
    schedule: { name: 'constant', warmup_ratio: 0 },
    train: { steps: ENDLESS, batch_size: batches.labels[0]?.length, shuffle: false, seed: 1 },
    probe: { every: 0, step_metrics: stepMetrics },
  });
  const directory = await openModelDirectory(folder);
  const withDropout = {
    ...directory,
    config: {
      ...directory.config,
      hidden_dropout_prob: dropout,
      attention_probs_dropout_prob: dropout,
    },
  };
  const loaded = await loadTrainableModel({
    ...{ directory: withDropout, head: 'classification', labels: LABELS },
    ...{ adapter: config.adapter, seed: config.train.seed },
  });
  await directory.close();
  const rows = batches.ids.flatMap((batch, i) =>
    batch.map((ids, row): BatchRow => {
      const label = batches.labels[i]?.[row] ?? 0;
      return { ids, typeIds: ids.map(() => 0), label };
    }),
  );
  const trainer = createModelTrainer({
    config,
    loaded,
    train: rows,
    eval: [],
    padId: 0,
    labels: LABELS,
  });
  return { config, loaded, rows, trainer };
}

function loadedSubject() {
  if (!subject) throw new Error('nothing is loaded');
  return subject;
}

function openedLandscape(): LandscapeBench {
  if (!landscape) throw new Error('no landscape is open');
  return landscape;
}

/** One request after the other: a measurement must be alone in its process. */
async function serve(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, call, ask } = JSON.parse(line) as {
      id: number;
      call: keyof WorkerCalls;
      ask: never;
    };
    const reply = await answers[call](ask).then(
      (answer) => ({ id, answer }),
      (error: unknown) => ({
        id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    );
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

// Explicitly: a backend may keep threads that would hold the process.
void serve().then(() => process.exit());
