import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { writeResults } from '../../../src/engine/inspect/write-results';
import type { InspectionEventOf } from '../../../src/shared/inspection/events';
import { inspectionManifestSchema } from '../../../src/shared/inspection/manifest';
import {
  applyInspectionEvent,
  emptyInspectionModel,
  type InspectionModel,
} from '../../../src/shared/inspection/model';
import { inspectionRequestSchema } from '../../../src/shared/inspection/request';
import type { MeasureResult } from '../../../src/shared/inspection/results';
import { resultsFileSchema, type ResultsFile } from '../../../src/shared/inspection/results-file';

/** Set by `npm run test:peft`. */
const python = process.env['FLATSCAPE_REFERENCE_PYTHON'];

const tasks = [
  { measure: 'sam', rho: [0.05], seed: 3 },
  { measure: 'slice-2d', space: 'full', points: 3, seed: 4 },
  { measure: 'slice-1d', points: 4 },
  { measure: 'hessian-top', scope: 'modules' },
  { measure: 'hessian-density' },
];

const RESULTS: readonly (readonly [task: number, scope: string, result: MeasureResult])[] = [
  [
    1,
    'all',
    {
      kind: 'surface',
      ...{ x: [-1, 0, 1], y: [-1, 1], loss: [1, 2, NaN, 4, 5.1, 6], norms: [1, 2], holes: 1 },
      noise: [0.1, 0.2, NaN, 0.4, 0.5, 0.6],
    },
  ],
  [0, 'all', { kind: 'scalar', value: 0.1 + 0.2, details: { loss: 1 / 3 } }],
  [
    2,
    'block.1',
    { kind: 'line', x: [-1, -1 / 3, 1 / 3, 1], loss: [1, 2, 3, 4], norms: [1], holes: 0 },
  ],
  [
    3,
    'bert.encoder.layer.0.attention.self.query',
    {
      kind: 'eigenvalues',
      values: [2, -1],
      residuals: [1e-9, NaN],
      iterations: 7,
      converged: true,
    },
  ],
  [
    4,
    'all',
    {
      kind: 'density',
      ...{ nodes: [[1, 2], [3]], weights: [[0.4, 0.6], [1]], grid: [0, 1, 2] },
      ...{ density: [0.5, 0.25, 1e-300], variance: 1e-5 },
    },
  ],
];

function modelWith(results: typeof RESULTS): InspectionModel {
  const manifest = inspectionManifestSchema.parse({
    ...{ format: 1, id: 'inspect-1', createdAt: 1, title: 'adapter x', versions: { engine: '1' } },
    request: inspectionRequestSchema.parse({
      subject: { kind: 'adapter', model: '/m', data: '/d.jsonl' },
      tasks,
    }),
    backend: { name: 'cpu', reason: 'asked for' },
    model: { architecture: 'BertForSequenceClassification', directory: '/m' },
    data: { file: '/d.jsonl', sha256: 'a', examples: 48, length: 12 },
    modules: [],
    estimate: { gradients: 1, forwards: 2 },
  });
  const model = emptyInspectionModel(manifest);
  const envelope = () => ({ seq: model.nextSeq, time: 1 });
  for (const [task, scope, result] of results) {
    const event: InspectionEventOf<'result'> = {
      ...envelope(),
      ...{ type: 'result', task, scope, result, elapsedMs: 5, notes: ['noted'] },
      ...(task === 0 && { rho: 0.05 }),
      ...(result.kind === 'eigenvalues' && { hvp: 'exact' as const }),
    };
    applyInspectionEvent(model, event);
  }
  const error = { code: 'measure-unsupported', message: 'no', remedy: 'Do otherwise.' };
  applyInspectionEvent(model, { ...envelope(), type: 'failed', task: 0, scope: 'block.0', error });
  return model;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flatscape-results-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function written(): Promise<ResultsFile> {
  return resultsFileSchema.parse(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')));
}

describe('the results of an inspection', () => {
  it('are read back as they were measured, each with its space, radius, batch and seed', async () => {
    await writeResults(folder, modelWith(RESULTS));
    const { results, failures, backend, versions } = await written();
    expect(results.map(({ task }) => task)).toEqual([0, 1, 2, 3, 4]);
    for (const [task, , result] of RESULTS)
      expect(results.find((unit) => unit.task === task)?.result).toEqual(result);
    expect(results[0]).toMatchObject({
      ...{ measure: 'sam', scope: 'all', space: 'row', rho: 0.05, seed: 3, arrays: {} },
      batch: { examples: 48, batch_size: 32, seed: 0 },
    });
    expect(results[1]).toMatchObject({
      ...{ measure: 'slice-2d', space: 'full', seed: 4, notes: ['noted'] },
      settings: { directions: 'random', normalize: 'filter', extent: 1, points: 3 },
    });
    expect(results[1]).not.toHaveProperty('rho');
    expect(results[1]?.settings).not.toHaveProperty('draws');
    expect(results[3]?.hvp).toBe('exact');
    expect(failures).toEqual([
      {
        ...{ task: 0, measure: 'sam', scope: 'block.0', space: 'row' },
        ...{ code: 'measure-unsupported', message: 'no', remedy: 'Do otherwise.' },
      },
    ]);
    expect([backend.name, versions]).toEqual(['cpu', { engine: '1' }]);
  });

  it('have their lists in the arrays file, under the names that results.json gives', async () => {
    await writeResults(folder, modelWith(RESULTS));
    const { results } = await written();
    const file = await openSafetensors(join(folder, 'arrays.safetensors'));
    const surface = results[1]?.arrays ?? {};
    expect(surface).toEqual({
      ...{ x: '1/all/x', y: '1/all/y', loss: '1/all/loss', noise: '1/all/noise' },
    });
    const loss = await file.readStored('1/all/loss');
    expect([loss.dtype, loss.shape]).toEqual(['F64', [2, 3]]);
    expect(Array.from(loss.values as Float64Array)).toEqual([1, 2, NaN, 4, 5.1, 6]);
    const nodes = await file.readF64('4/all/nodes');
    expect([nodes.shape, Array.from(nodes.values)]).toEqual([
      [2, 2],
      [1, 2, 3, NaN],
    ]);
    expect([...file.tensors.keys()].sort()).toEqual(
      results.flatMap(({ arrays }) => Object.values(arrays)).sort(),
    );
    await file.close();
  });

  it('replace earlier ones, and leave nothing else behind', async () => {
    await writeResults(folder, modelWith(RESULTS.slice(0, 1)));
    await writeResults(folder, modelWith(RESULTS));
    expect((await written()).results).toHaveLength(5);
    expect((await readdir(folder)).sort()).toEqual(['arrays.safetensors', 'results.json']);
  });

  it.skipIf(!python)('are read by safetensors.numpy, value by value', async () => {
    await writeResults(folder, modelWith(RESULTS));
    const out = join(folder, 'found.json');
    execFileSync(python as string, ['test/reference/check_arrays.py', folder, out], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const found = JSON.parse(await readFile(out, 'utf8')) as Record<string, unknown>[];
    const float64 = (values: unknown) => ({ dtype: 'float64', values });
    expect(found).toEqual([
      {},
      {
        ...{ x: float64([-1, 0, 1]), y: float64([-1, 1]) },
        loss: float64([
          [1, 2, 'NaN'],
          [4, 5.1, 6],
        ]),
        noise: float64([
          [0.1, 0.2, 'NaN'],
          [0.4, 0.5, 0.6],
        ]),
      },
      { x: float64([-1, -1 / 3, 1 / 3, 1]), loss: float64([1, 2, 3, 4]) },
      { values: float64([2, -1]), residuals: float64([1e-9, 'NaN']) },
      {
        ...{ grid: float64([0, 1, 2]), density: float64([0.5, 0.25, 1e-300]) },
        nodes: float64([
          [1, 2],
          [3, 'NaN'],
        ]),
        weights: float64([
          [0.4, 0.6],
          [1, 'NaN'],
        ]),
      },
    ]);
  });
});
