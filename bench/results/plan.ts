import { METHODS, type MethodName } from '../../src/shared/methods';

/** A text classification task, cut into three parts that share no example. */
export interface Task {
  readonly name: TaskName;
  readonly title: string;
  readonly labels: readonly string[];
  /** Examples of each part: the first two come from the training file, the last from the other. */
  readonly sizes: { readonly train: number; readonly validation: number; readonly test: number };
  readonly maxLength: number;
  readonly steps: number;
}

export const TASK_NAMES = ['glosses', 'spam'] as const;
export type TaskName = (typeof TASK_NAMES)[number];

export const TASKS: Readonly<Record<TaskName, Task>> = {
  glosses: {
    name: 'glosses',
    title: 'WordNet glosses: which of ten kinds of thing a definition defines',
    labels: [
      ...['act', 'animal', 'artifact', 'body', 'communication'],
      ...['food', 'location', 'person', 'plant', 'substance'],
    ],
    sizes: { train: 1000, validation: 300, test: 500 },
    maxLength: 32,
    steps: 100,
  },
  spam: {
    name: 'spam',
    title: 'SpamAssassin: spam or ham',
    labels: ['ham', 'spam'],
    sizes: { train: 1000, validation: 300, test: 500 },
    maxLength: 48,
    steps: 50,
  },
};

/** A row of the table: a method with the adapter it trains, and the one key that is tuned. */
export interface Contestant {
  readonly name: string;
  readonly adapter: 'lora' | 'head';
  readonly method: MethodName;
  /** Keys of `method` that differ from the defaults and are not tuned. */
  readonly fixed: Readonly<Record<string, string>>;
  readonly tuned: {
    /** Path in the config. */
    readonly key: string;
    readonly values: readonly number[];
  };
}

/** Tuned on its learning rate; the other methods over pairs take over what it chose. */
export const BASE = 'lora';

const FACTORS = [0.5, 1, 2];
/** Documented in the schema (`docs/config.md`); a method's own defaults go before them. */
const STRENGTHS = { rho: 0.05, sigma: 0.05, bar_mu: 0.5 };

export const CONTESTANTS: readonly Contestant[] = [
  {
    ...{ name: 'head', adapter: 'head', method: 'none', fixed: {} },
    tuned: { key: 'optimizer.lr', values: [3e-2, 1e-1, 3e-1] },
  },
  {
    ...{ name: BASE, adapter: 'lora', method: 'lora', fixed: {} },
    tuned: { key: 'optimizer.lr', values: [3e-3, 1e-2, 3e-2] },
  },
  ...(['sam', 'obar', 'nbar', 'flat-lora', 'fmlora', 'efmlora', 'flatpo'] as const).map((method) =>
    overPairs(method, method),
  ),
  overPairs('flatpo, random choice', 'flatpo', { flatpo_choice: 'random' }),
];

function overPairs(
  name: string,
  method: MethodName,
  fixed: Readonly<Record<string, string>> = {},
): Contestant {
  const { strength, defaults = {} } = METHODS[method] as (typeof METHODS)[MethodName] & {
    strength?: keyof typeof STRENGTHS;
  };
  if (strength === undefined) throw new Error(`${method} has no strength to tune`);
  const usual = Number((defaults as Record<string, unknown>)[strength] ?? STRENGTHS[strength]);
  const values = FACTORS.map((factor) => factor * usual);
  return { name, adapter: 'lora', method, fixed, tuned: { key: `method.${strength}`, values } };
}

/** One seed for the choice of settings, which no row of the table uses. */
export const TUNING_SEED = 100;
export const SEEDS = [1, 2, 3, 4, 5] as const;

/** A training run, as its config has it. */
export interface RunPlan {
  readonly task: Task;
  readonly contestant: Contestant;
  readonly name: string;
  readonly seed: number;
  readonly evaluatedOn: 'validation' | 'test';
  /** Values by path in the config. */
  readonly settings: Readonly<Record<string, number>>;
}

/** The trials among which the validation part decides: as many for each contestant. */
export function trials(
  task: Task,
  contestant: Contestant,
  base: Readonly<Record<string, number>>,
): RunPlan[] {
  const { key, values } = contestant.tuned;
  return values.map((value) => ({
    ...{ task, contestant, seed: TUNING_SEED, evaluatedOn: 'validation' as const },
    name: `tune-${value}`,
    settings: { ...base, [key]: value },
  }));
}

/** The runs of the table. */
export function finalRuns(
  task: Task,
  contestant: Contestant,
  { settings, seeds }: { settings: Readonly<Record<string, number>>; seeds: readonly number[] },
): RunPlan[] {
  return seeds.map((seed) => ({
    ...{ task, contestant, seed, settings, evaluatedOn: 'test' as const },
    name: `seed-${seed}`,
  }));
}

/** File name of a contestant. */
export function slug({ name }: Contestant): string {
  return name.replace(/\W+/g, '-');
}

/** What every run shares; `docs/results.md` states it. */
export const COMMON = {
  adapter: { r: 8, lora_alpha: 16, target_modules: ['query', 'value'] },
  optimizer: { name: 'adamw', weight_decay: 0.01 },
  schedule: { name: 'linear', warmup_ratio: 0.06 },
  batchSize: 16,
} as const;

/**
 * The config file of a run, as the product reads it.
 * @param folders of the model, and of the data relative to the config
 */
export function runConfig(
  { task, contestant, name, seed, evaluatedOn, settings }: RunPlan,
  folders: { readonly model: string; readonly data: string; readonly backend: string },
): Record<string, unknown> {
  const { adapter, optimizer, schedule, batchSize } = COMMON;
  const config: Record<string, Record<string, unknown>> = {
    model: { name_or_path: folders.model },
    task: {
      train: `${folders.data}/train.jsonl`,
      eval: `${folders.data}/${evaluatedOn}.jsonl`,
      labels: task.labels,
    },
    adapter: contestant.adapter === 'head' ? { type: 'head' } : { type: 'lora', ...adapter },
    method: { name: contestant.method, ...contestant.fixed },
    optimizer: { ...optimizer },
    schedule,
    train: {
      ...{ steps: task.steps, batch_size: batchSize, max_length: task.maxLength, seed },
      // At the end only; the products of a step are what the time goes to.
      ...{ eval_every: task.steps, group_by_length: true },
    },
    probe: { every: 0, step_metrics: false },
    checkpoint: { every: 0, keep: 1 },
    output: { dir: 'runs', name },
    runtime: { backend: folders.backend },
  };
  for (const [path, value] of Object.entries(settings)) {
    const [section = '', key = ''] = path.split('.');
    config[section] = { ...config[section], [key]: value };
  }
  return config;
}
