import { execFileSync } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRun } from '../../../src/client/run-store';
import { readConfig } from '../../../src/client/read-config';
import { predict } from '../../../src/engine/runs/predict';
import { preflightRun } from '../../../src/engine/runs/preflight';
import { prepareRun } from '../../../src/engine/runs/prepare';
import { runSession } from '../../../src/engine/runs/run-session';
import { isUserError } from '../../../src/shared/errors';
import { RUN_FILES } from '../../../src/shared/run-manifest';
import { FIXTURES } from '../../support/bert-fixture';
import { LABELS } from '../../support/reference-model';
import { scratchFolder } from './support/scratch';

const folder = await scratchFolder();
const python = process.env['FLATSCAPE_REFERENCE_PYTHON'];

/** A difference of rank 2r is summed in another order than residual and pair. */
const ROUNDING = 1e-6;

const TEXTS = ['a dog sat', 'the cat ran far', 'no one was here'];
await writeFile(
  join(folder, 'train.jsonl'),
  Array.from({ length: 24 }, (_, i) =>
    JSON.stringify({ text: TEXTS[i % 3], label: LABELS[i % 3] }),
  ).join('\n'),
);

interface Parts {
  readonly adapter: object;
  readonly method?: object;
  readonly optimizer?: object;
  readonly model?: string;
}

async function configOf(name: string, { adapter, method, optimizer, model }: Parts) {
  const file = join(folder, `${name}.flatscape.json`);
  const config = {
    model: { name_or_path: model ?? resolve(FIXTURES, 'bert-cls/model') },
    task: { train: 'train.jsonl', eval: 'train.jsonl', labels: LABELS },
    adapter,
    method: method ?? { name: 'none' },
    optimizer: { lr: 0.01, ...optimizer },
    train: { steps: 6, batch_size: 4, max_length: 16 },
    probe: { every: 3, examples: 4 },
    checkpoint: { every: 3 },
    runtime: { backend: 'wasm' },
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

const session = (configFile: string, resume?: string) =>
  runSession({
    configFile,
    prepare: (source) => prepareRun(source, () => undefined),
    ...(resume !== undefined && { resume }),
  });

async function complete(name: string, parts: Parts): Promise<string> {
  const { directory, status, error } = await session(await configOf(name, parts));
  expect(error).toBeUndefined();
  expect(status).toBe('completed');
  return directory;
}

/** A copy of a run as a process killed after step 4 would have left it. */
async function interrupted(directory: string): Promise<string> {
  const copy = join(folder, 'interrupted', directory.slice(folder.length + 1));
  await cp(directory, copy, { recursive: true });
  await rm(join(copy, 'checkpoints/step-6'), { recursive: true });
  const journal = join(copy, RUN_FILES.journal);
  const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
  const cut = lines.findIndex((line) => /"type":"step","step":4,/.test(line)) + 1;
  await writeFile(journal, `${lines.slice(0, cut).join('\n')}\n`);
  return copy;
}

const CASES: readonly [name: string, parts: Parts, weights: string][] = [
  ['full', { adapter: { type: 'full' } }, 'model.safetensors'],
  ['head', { adapter: { type: 'head' } }, 'flatscape_adapter.safetensors'],
  [
    'adapter',
    { adapter: { type: 'adapter', size: 4, modules_to_save: ['LayerNorm'] } },
    'flatscape_adapter.safetensors',
  ],
  [
    'dora-pissa',
    {
      adapter: { r: 4, use_dora: true, init_lora_weights: 'pissa', lora_dropout: 0.1 },
      method: { name: 'efmlora' },
    },
    'adapter_model.safetensors',
  ],
  [
    'lorafa-plus',
    {
      adapter: { r: 4 },
      method: { name: 'fmlora' },
      optimizer: { lorafa: true, loraplus_lr_ratio: 4 },
    },
    'adapter_model.safetensors',
  ],
  [
    'full-sam',
    { adapter: { type: 'full' }, method: { name: 'sam', rho: 0.01 } },
    'model.safetensors',
  ],
];

describe.each(CASES)('%s', (name, parts, weights) => {
  it('resumes bit for bit, and predicts from its checkpoint', async () => {
    const directory = await complete(name, parts);
    const [start, end] = [await openRun(directory), await openRun(directory)].map(
      ({ steps }) => steps.loss,
    ) as [number[], number[]];
    expect(end.at(-1)).toBeLessThan(start[0] as number);

    const copy = await interrupted(directory);
    const resumed = await session(join(folder, `${name}.flatscape.json`), copy);
    expect(resumed.error).toBeUndefined();
    const file = `checkpoints/step-6/${weights}`;
    expect(await readFile(join(copy, file))).toEqual(await readFile(join(directory, file)));
    const [before, after] = [await openRun(directory), await openRun(copy)];
    expect(after.steps.loss).toEqual(start);
    expect(after.probes.map(({ measures }) => measures)).toEqual(
      before.probes.map(({ measures }) => measures),
    );
    expect(after.probeLayers).toEqual(before.probeLayers);

    const flags = { data: join(folder, 'train.jsonl'), label: 'label' };
    const { metrics, predictions } = await predict(directory, flags);
    expect(predictions).toHaveLength(24);
    const evaluated = (await openRun(directory)).evals.at(-1)?.loss ?? NaN;
    expect(Math.abs((metrics?.loss ?? NaN) / evaluated - 1)).toBeLessThan(ROUNDING);
    const again = await predict(join(directory, 'checkpoints/step-6'), flags);
    expect(again.metrics).toEqual(metrics);
  });

  it('says its sharpness, and no layer that it does not have', async () => {
    const run = await openRun(await complete(`${name}-probe`, parts));
    expect(run.probes.at(-1)?.sharpness).toBeGreaterThan(0);
  });
});

describe('a checkpoint', () => {
  it.each(['head', 'adapter'])(
    'of %s can be started from, and not by another kind',
    async (type) => {
      const first = await complete(`${type}-first`, { adapter: { type } });
      const checkpoint = join(first, 'checkpoints/step-6');
      const second = await complete(`${type}-second`, { adapter: { type, init_from: checkpoint } });
      const losses = (await openRun(second)).steps.loss;
      expect(losses[0]).toBeLessThan((await openRun(first)).steps.loss[0] as number);

      const other = await configOf('other', { adapter: { init_from: checkpoint } });
      await expect(session(other)).rejects.toMatchObject({
        code: 'adapter-mismatch',
        expected: 'type lora',
        found: `type ${type}`,
      });
    },
  );

  it('of full is a model to start from', async () => {
    const first = await complete('full-first', { adapter: { type: 'full' } });
    const model = join(first, 'checkpoints/step-6');
    const second = await complete('full-second', { adapter: { type: 'full' }, model });
    expect((await openRun(second)).steps.loss[0]).toBeLessThan(
      (await openRun(first)).steps.loss[0] as number,
    );
    const wrong = await configOf('wrong', { adapter: { init_from: model } });
    await expect(session(wrong)).rejects.toMatchObject({
      code: 'adapter-incomplete',
      found: 'config.json',
    });
  });

  const inPython = it.skipIf(!python).each(['bert-cls', 'roberta-cls']);
  inPython('of full %s is what transformers loads, with the same logits', async (name) => {
    const model = resolve(FIXTURES, name, 'model');
    const directory = await complete(`${name}-python`, { adapter: { type: 'full' }, model });
    const checkpoint = join(directory, 'checkpoints/step-6');
    const flags = { data: join(folder, 'train.jsonl'), logits: true };
    const ours = (await predict(directory, flags)).predictions.slice(0, 3);
    const script = [
      'import json, sys, torch',
      'from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T',
      'm, info = M.from_pretrained(sys.argv[1], output_loading_info=True); t = T.from_pretrained(sys.argv[1])',
      'assert not info["missing_keys"] and not info["unexpected_keys"], info',
      `x = t(json.loads(sys.argv[2]), padding=True, return_tensors="pt")`,
      'print(json.dumps([m.eval()(**x).logits.tolist(), m.config.id2label]))',
    ].join('\n');
    const printed = execFileSync(python as string, [
      ...['-c', script, checkpoint, JSON.stringify(TEXTS)],
    ]);
    const [logits, names] = JSON.parse(printed.toString()) as [number[][], object];
    expect(Object.values(names)).toEqual(LABELS);
    for (const [i, row] of logits.entries())
      for (const [j, value] of row.entries())
        expect(Math.abs(value - (ours[i]?.logits?.[j] ?? NaN))).toBeLessThan(1e-5);
  });
});

describe('a combination that does not go together', () => {
  const message = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => (isUserError(error) ? error.toJSON() : error),
    );

  it('is refused before anything is loaded, with both parts and a remedy', async () => {
    const file = await configOf('head-efmlora', {
      adapter: { type: 'head' },
      method: { name: 'efmlora' },
    });
    expect(await message(session(file))).toMatchObject({
      code: 'method-needs-lora',
      place: { file, at: 'method.name' },
      found: '`method.name: efmlora` with `adapter.type: head`',
    });
    const noise = await configOf('dora-noise', {
      adapter: { use_dora: true },
      method: { name: 'flat-lora' },
    });
    expect(await message(session(noise))).toMatchObject({ code: 'method-adds-to-w' });
    const rank = await configOf('head-rank', {
      adapter: { type: 'head' },
      method: { name: 'flatpo', flatpo_granularity: 'rank' },
    });
    expect(await message(session(rank))).toMatchObject({
      code: 'method-needs-lora',
      place: { file: rank, at: 'method.flatpo_granularity' },
    });
    const obar = await configOf('obar', {
      adapter: {},
      method: { name: 'obar' },
      optimizer: { lorafa: true },
    });
    expect(await message(session(obar))).toMatchObject({ code: 'method-moves-a' });
  });

  it('that only leaves a key unread is pointed out', async () => {
    const directory = await complete('unread', {
      adapter: { type: 'head', r: 4 },
      optimizer: { lorafa: true, loraplus_lr_ratio: 2 },
    });
    const journal = await readFile(join(directory, RUN_FILES.journal), 'utf8');
    for (const key of ['adapter.r', 'optimizer.lorafa', 'optimizer.loraplus_lr_ratio'])
      expect(journal).toContain(`${key} is not read by \`adapter.type: head\``);
  });
});

describe('the preflight', () => {
  it.each(['full', 'head', 'adapter'] as const)('of %s counts what is trained', async (type) => {
    const configFile = await configOf(`preflight-${type}`, { adapter: { type } });
    const { config } = await readConfig(configFile);
    const found = await preflightRun({ configFile, config }, () => undefined);
    const directory = await complete(`counted-${type}`, { adapter: { type } });
    const { parameters } = (await openRun(directory)).manifest;
    expect([found.trainable, found.total]).toEqual([parameters.trainable, parameters.total]);
    expect(found.secondsEstimate).toBeGreaterThan(0);
    expect(found.modules).toBe(0);
  });
});
