import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { liveEngine } from '../../../src/client/process-identity';
import { inspectModel, preflight } from '../../../src/client/preflight';
import { listRuns, openRun } from '../../../src/client/run-store';
import { decodeEvent } from '../../../src/shared/events';
import { METHOD_NAMES } from '../../../src/shared/methods';
import { bundleCli, scratchFolder } from './support/scratch';

const folder = await scratchFolder();
const { cli, engine } = await bundleCli(folder);
const MODEL = join(import.meta.dirname, '../../reference/fixtures/bert-cls/model');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command; `during` may look at the child while it runs. */
function flatscape(args: string[], during?: (child: { kill(s: 'SIGINT'): void }) => Promise<void>) {
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
    child.on('error', reject);
    during?.(child).catch(reject);
  });
}

const lastJson = ({ out }: Outcome) => JSON.parse(out.trim().split('\n').at(-1) ?? '') as never;

/** A config over the tiny model, in which everything random plays a part. */
async function config(name: string, steps: number): Promise<string> {
  const rows = Array.from({ length: 24 }, (_, i) => ({
    text: ['a man is walking', 'the woman sleeps on a chair', 'two dogs run'][i % 3],
    label: ['contradiction', 'neutral', 'entailment'][i % 3],
  }));
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  await writeFile(join(folder, 'data.jsonl'), lines);
  const file = join(folder, `${name}.flatscape.yaml`);
  await writeFile(
    file,
    `model: { name_or_path: ${JSON.stringify(MODEL)} }
task:
  train: data.jsonl
  eval: data.jsonl
  labels: [contradiction, neutral, entailment]
adapter: { r: 4, lora_dropout: 0.2 }
method: { name: efmlora, rho: 0.05 }
optimizer: { lr: 5e-3 }
train: { steps: ${steps}, batch_size: 5, gradient_accumulation_steps: 2, max_length: 24, seed: 7 }
probe: { every: 10, examples: 6 }
checkpoint: { every: 7 }
output: { dir: runs, name: ${name} }
`,
  );
  return file;
}

async function runNamed(name: string): Promise<string> {
  for (let i = 0; i < 1000; i++) {
    const run = (await listRuns(join(folder, 'runs'))).find((r) => r.manifest?.name === name);
    if (run) return run.directory;
    await sleep(20);
  }
  throw new Error(`no run ${name}`);
}

async function reached(directory: string, step: number): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (((await openRun(directory)).steps.step.at(-1) ?? 0) >= step) return;
    await sleep(20);
  }
  throw new Error(`step ${step} was not reached`);
}

describe('flatscape', () => {
  it('killed in the middle and resumed, a run equals the uninterrupted one, bit for bit', async () => {
    const whole = await flatscape(['train', await config('whole', 40), '--json']);
    expect(whole.err).toBe('');
    expect(whole.code).toBe(0);
    const { directory } = lastJson(whole) as { directory: string };

    const cutConfig = await config('cut', 40);
    const killed = await flatscape(['train', cutConfig], async () => {
      const cut = await runNamed('cut');
      await reached(cut, 12);
      process.kill((await liveEngine(cut))?.pid ?? 0, 'SIGKILL');
    });
    expect(killed.code).toBe(4);
    const cut = await runNamed('cut');
    const before = await openRun(cut);
    expect(before.status).toBe('interrupted');
    expect(before.steps.step.at(-1)).toBeLessThan(40);

    const resumed = await flatscape(['train', '--resume', cut, '--json']);
    expect(resumed.code).toBe(0);
    const [a, b] = [await openRun(directory), await openRun(cut)];
    expect(b.steps.loss).toEqual(a.steps.loss);
    expect(b.steps.gradientNorm).toEqual(a.steps.gradientNorm);
    expect(b.stepLayers).toEqual(a.stepLayers);
    expect(b.probeLayers).toEqual(a.probeLayers);
    for (const file of ['adapter_model.safetensors', 'training_state.safetensors']) {
      const path = join('checkpoints', 'step-40', file);
      expect((await readFile(join(cut, path))).equals(await readFile(join(directory, path)))).toBe(
        true,
      );
    }
  });

  it('--json prints the journal, line by line, and the result last', async () => {
    const { out, code } = await flatscape(['train', await config('json', 5), '--json']);
    expect(code).toBe(0);
    const lines = out.trim().split('\n');
    const result = JSON.parse(lines.pop() ?? '') as { directory: string };
    expect(result).toMatchObject({ type: 'result', status: 'completed', step: 5 });
    const seen = lines.map((line, i) => decodeEvent(line, { file: 'stdout', line: i + 1 }).seq);
    expect(seen).toEqual(seen.map((_, i) => i));
    const journal = await readFile(join(result.directory, 'journal.jsonl'), 'utf8');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      journal
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
  });

  it('Ctrl-C stops the run with a checkpoint, and says so with exit code 4', async () => {
    const configFile = await config('stopped', 2000);
    const stopped = await flatscape(['train', configFile], async (child) => {
      await reached(await runNamed('stopped'), 3);
      child.kill('SIGINT');
    });
    expect(stopped.code).toBe(4);
    const directory = await runNamed('stopped');
    const model = await openRun(directory);
    expect(model.status).toBe('stopped');
    expect(model.checkpoints.at(-1)?.step).toBe(model.steps.step.at(-1));
    expect(stopped.out).toContain(join('checkpoints', `step-${model.steps.step.at(-1)}`));
  });

  it('detaches, shows and stops a run', async () => {
    const detached = await flatscape([
      'train',
      await config('detached', 5000),
      '--detach',
      '--json',
    ]);
    const { directory } = lastJson(detached) as { directory: string };
    expect((await openRun(directory)).status).toBe('running');
    await reached(directory, 2); // the average, and so Ê_B, begins there
    expect((await flatscape(['stop', directory])).code).toBe(0);
    for (let i = 0; i < 500 && (await liveEngine(directory)); i++) await sleep(20);
    const shown = await flatscape(['show', directory, '--json']);
    expect(JSON.parse(shown.out)).toMatchObject({ status: 'stopped', directory });
    expect((await flatscape(['stop', directory, '--json'])).code).toBe(2);
    const listed = await flatscape(['runs', 'runs', '--json']);
    expect(JSON.parse(listed.out)).toContainEqual(expect.objectContaining({ directory }));
    expect((await flatscape(['show', directory])).out).toContain('‖Ê_B‖');
  });

  it('predicts with a run as its own evaluation did', async () => {
    const { directory } = lastJson(
      await flatscape(['train', await config('predicted', 4), '--json']),
    ) as { directory: string };
    const data = join(folder, 'data.jsonl');
    const predicted = await flatscape([
      'predict',
      directory,
      '--data',
      data,
      '--label',
      'label',
      '--logits',
      '--json',
    ]);
    const result = JSON.parse(predicted.out) as {
      metrics: { accuracy: number; loss: number };
      predictions: { logits: number[] }[];
    };
    const evaluated = (await openRun(directory)).evals.at(-1);
    expect(result.metrics.accuracy).toBe(evaluated?.accuracy);
    expect(result.metrics.loss).toBe(evaluated?.loss);
    expect(result.predictions).toHaveLength(24);
    expect(result.predictions[0]?.logits).toHaveLength(3);
  });

  it.each([
    ['adapter.target_modules=[nonsense]', 'adapter-no-target'],
    ['task.labels=[neutral, entailment]', 'label-unknown'],
    ['task.train=empty.jsonl', 'table-empty'],
    ['task.train=absent.jsonl', 'file-not-found'],
    ['model.name_or_path=./absent', 'model-not-found'],
    ['method.rho=-1', 'config-invalid'],
    ['method', 'bad-override'],
  ])('%s is refused as %s, with exit code 2', async (override, code) => {
    await writeFile(join(folder, 'empty.jsonl'), '\n');
    const configFile = await config('refused', 4);
    const refused = await flatscape(['train', configFile, '--json', '--set', override]);
    expect(lastJson(refused)).toMatchObject({ error: { code } });
    expect(refused.code).toBe(2);
  });

  it('a gradient that overflows fails the run with exit code 3', async () => {
    const set = ['adapter.lora_alpha=1e36', 'method.name=lora', 'probe.every=0'];
    const overrides = set.flatMap((assignment) => ['--set', assignment]);
    const failed = await flatscape(['train', await config('nan', 200), '--json', ...overrides]);
    expect(lastJson(failed)).toMatchObject({
      status: 'failed',
      error: { code: 'loss-not-finite', place: { at: 'step 1' } },
    });
    expect(failed.code).toBe(3);
  });

  it('an unknown option is wrong usage', async () => {
    expect((await flatscape(['train', '--nonsense'])).code).toBe(2);
    expect((await flatscape(['--help'])).code).toBe(0);
    expect((await flatscape(['train'])).code).toBe(2);
  });
});

describe('the engine answers', () => {
  it('a preflight with what the run would need', async () => {
    const configFile = await config('preflight', 40);
    const messages: string[] = [];
    const found = await preflight({
      engineScript: engine,
      configFile,
      onProgress: (message) => messages.push(message),
    });
    expect(found).toMatchObject({ steps: 40, trainExamples: 24, evalExamples: 24, modules: 4 });
    expect(found.memoryBytes).toBeLessThan(found.memoryLimit);
    expect(found.secondsEstimate).toBeGreaterThan(0);
    expect(messages.length).toBeGreaterThan(3);
  });

  it('a refusal of a run that would not fit, before the model is loaded', async () => {
    const configFile = await config('large', 40);
    const set = ['train.batch_size=10000000'];
    await expect(preflight({ engineScript: engine, configFile, set })).rejects.toMatchObject({
      code: 'memory-limit',
    });
  });

  it('the modules of a model', async () => {
    const configFile = await config('inspected', 40);
    const modules = await inspectModel({ engineScript: engine, configFile });
    expect(modules.map((m) => m.kind)).toContain('query');
    expect(modules.map((m) => m.path)).not.toContain('classifier');
  });
});

describe('flatscape methods', () => {
  it('lists every method with its cost, for people and as JSON', async () => {
    const table = await flatscape(['methods']);
    expect(table.code).toBe(0);
    for (const name of METHOD_NAMES) expect(table.out).toContain(name);
    expect(table.out).toMatch(/looksam +LookSAM +1 \+ 1\/k/);
    const { code, out } = await flatscape(['methods', '--json']);
    expect(code).toBe(0);
    const methods = JSON.parse(out) as { name: string; passes: number }[];
    expect(methods.map(({ name }) => name)).toEqual(METHOD_NAMES);
    expect(methods.find(({ name }) => name === 'gam')).toMatchObject({ passes: 4 });
  });
});
