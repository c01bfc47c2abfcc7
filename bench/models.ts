import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors, type WritableTensor } from '../src/engine/formats/safetensors-write';
import { modelSpec } from '../src/engine/models/registry';
import type { LinearName, StepShape } from './flops';
import { randomNumbers, uniformValues } from './random';

/** A size of BERT, and the batch it is measured on. */
export interface BenchModel {
  readonly title: string;
  readonly rows: number;
  readonly length: number;
  readonly config: {
    readonly vocab_size: number;
    readonly hidden_size: number;
    readonly num_hidden_layers: number;
    readonly num_attention_heads: number;
    readonly intermediate_size: number;
    readonly max_position_embeddings: number;
  };
}

export const MODELS = {
  minilm: {
    title: 'MiniLM-size 16×64',
    ...{ rows: 16, length: 64 },
    config: sized({ hidden_size: 384, num_hidden_layers: 6, intermediate_size: 1536 }),
  },
  'bert-base': {
    title: 'BERT-base 8×64',
    ...{ rows: 8, length: 64 },
    config: sized({ hidden_size: 768, num_hidden_layers: 12, intermediate_size: 3072 }),
  },
  tiny: {
    title: 'tiny 2×8 (2 blocks of width 32)',
    ...{ rows: 2, length: 8 },
    config: {
      ...{ hidden_size: 32, num_hidden_layers: 2, intermediate_size: 64, num_attention_heads: 2 },
      ...{ vocab_size: 200, max_position_embeddings: 32 },
    },
  },
} satisfies Record<string, BenchModel>;
export type ModelName = keyof typeof MODELS;

export const LABELS = ['a', 'b'] as const;

/** Which linears get an adapter, and of what rank. */
export interface AdapterShape {
  readonly r: number;
  readonly targets: keyof typeof TARGETS;
}

/** As PEFT's `target_modules`, and as `flops.ts` names the same linears. */
export const TARGETS = {
  'query, value': { modules: ['query', 'value'], linears: ['query', 'value'] },
  'all six of each block': {
    // A path ending: both outputs, the attention's and the block's.
    modules: ['query', 'key', 'value', 'output.dense', 'intermediate.dense'],
    linears: ['query', 'key', 'value', 'output', 'up', 'down'],
  },
} satisfies Record<string, { modules: readonly string[]; linears: readonly LinearName[] }>;

export const DEFAULT_ADAPTER: AdapterShape = { r: 8, targets: 'query, value' };

function sized(
  size: Pick<BenchModel['config'], 'hidden_size' | 'num_hidden_layers' | 'intermediate_size'>,
) {
  return { ...size, num_attention_heads: 12, vocab_size: 30522, max_position_embeddings: 512 };
}

/** The step as `flops.ts` counts it. */
export function stepShape({ rows, length, config }: BenchModel, adapter: AdapterShape): StepShape {
  return {
    ...{ rows, length, labels: LABELS.length, rank: adapter.r },
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    intermediate: config.intermediate_size,
    heads: config.num_attention_heads,
    targets: TARGETS[adapter.targets].linears,
  };
}

const SEED = 20250802;

/** Batches that are cycled through; all rows are full, so that no padding is skipped by anybody. */
const BATCHES = 8;

export interface BenchBatches {
  /** [batch][row][token] */
  readonly ids: readonly (readonly (readonly number[])[])[];
  /** [batch][row] */
  readonly labels: readonly (readonly number[])[];
}

export const BATCHES_FILE = 'batches.json';

/** Writes a model of random weights in the layout of the hub, and the batches beside it. */
export async function writeModel(folder: string, model: BenchModel): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    ...model.config,
  };
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  await writeSafetensors(join(folder, 'model.safetensors'), randomTensors(config, file));
  await writeFile(join(folder, BATCHES_FILE), JSON.stringify(randomBatches(model)));
}

/** Every tensor of the model as transformers would start it: deviation 0.02, norms 1 and 0. */
function randomTensors(config: Record<string, unknown>, file: string): WritableTensor[] {
  const spec = modelSpec({ config, file, head: 'classification', labels: LABELS.length });
  const random = randomNumbers(SEED);
  const matrix = (name: string, rows: number, columns: number): WritableTensor => ({
    name,
    shape: [rows, columns],
    values: uniformValues(rows * columns, spec.initializerRange, random),
  });
  const vector = (name: string, size: number, value: number): WritableTensor => ({
    ...{ name, shape: [size] },
    values: new Float32Array(size).fill(value),
  });
  return [
    ...spec.tables.map(({ path, entries, width }) => matrix(`${path}.weight`, entries, width)),
    ...spec.norms.flatMap(({ path, size }) => [
      vector(`${path}.weight`, size, 1),
      vector(`${path}.bias`, size, 0),
    ]),
    ...spec.linears.flatMap(({ weight, bias, out, in: inputs }) => [
      matrix(weight, out, inputs),
      vector(bias, out, 0),
    ]),
  ];
}

function randomBatches({ rows, length, config }: BenchModel): BenchBatches {
  const random = randomNumbers(SEED + 1);
  const below = (n: number): number => Math.floor(random() * n);
  const list = <T>(n: number, item: () => T): T[] => Array.from({ length: n }, item);
  return {
    // 0 is the padding's id.
    ids: list(BATCHES, () =>
      list(rows, () => list(length, () => 1 + below(config.vocab_size - 1))),
    ),
    labels: list(BATCHES, () => list(rows, () => below(LABELS.length))),
  };
}
