import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTrainableModel, type LoadedModel } from '../src/engine/adapters/load-trainable';
import { makeBatch, type BatchRow } from '../src/engine/data/batches';
import type { Batch } from '../src/engine/data/batch';
import { openModelDirectory } from '../src/engine/formats/model-directory';
import { readPeftAdapter } from '../src/engine/formats/peft-adapter';
import { createHessianOperator } from '../src/engine/landscape/hessian-operator';
import { hessianTrace } from '../src/engine/landscape/hessian-trace';
import { createCoordinates, type OwnedCoordinates } from '../src/engine/landscape/make-coordinates';
import type { MeasureContext, MeasuredScope } from '../src/engine/landscape/measure';
import { createObjective, type Objective } from '../src/engine/landscape/objective';
import { powerIterationTop } from '../src/engine/landscape/power-iteration';
import { rademacher } from '../src/engine/landscape/random-vectors';
import { sam } from '../src/engine/landscape/sam';
import { disposeAll } from '../src/engine/methods/tensor-map';
import { inspectionTaskSchema } from '../src/shared/inspection/request';
import type { SpaceName } from '../src/shared/inspection/spaces';
import { BATCHES_FILE, LABELS, type BenchBatches } from './models';
import type { HessianTimes, LandscapeWork } from './worker-protocol';

/** Landscape measures of a trained adapter on the first batch. */
export interface LandscapeBench {
  readonly modules: number;
  /** Milliseconds of one piece of work. */
  time(work: LandscapeWork): Promise<number>;
  /** PyHessian’s top eigenvalue by its own rule, and a trace of so many probes. */
  hessian(probes: number): Promise<HessianTimes>;
}

/** Probes of the traces whose times are compared with each other. */
const PROBES = 2;

export async function openLandscape(
  folder: string,
  adapterFolder: string,
): Promise<LandscapeBench> {
  const directory = await openModelDirectory(folder);
  const loaded = await loadTrainableModel({
    ...{ directory, head: 'classification', labels: LABELS, seed: 1 },
    initFrom: await readPeftAdapter(adapterFolder),
  });
  await directory.close();
  const batch = await firstBatch(folder);
  const row = await coordinatesOf(loaded, 'row');
  const all = await coordinatesOf(loaded, 'trainable');
  const whole = createObjective({ model: loaded.model, batches: [batch] });
  const work = works({ loaded, batch, row, all, whole });
  return {
    modules: loaded.model.modules.length,
    time: async (which) => {
      const started = performance.now();
      await work[which]();
      return performance.now() - started;
    },
    hessian: async (probes) => {
      const top = contextOf(all, whole, { measure: 'power-iteration', steps: 100 });
      const started = performance.now();
      const { result } = await powerIterationTop.measure(top);
      const between = performance.now();
      const trace = contextOf(all, whole, { measure: 'hessian-trace', probes });
      const { result: found } = await hessianTrace.measure(trace);
      if (result.kind !== 'eigenvalues' || found.kind !== 'scalar')
        throw new Error('another kind of result');
      return {
        ...{ lambda: result.values[0] ?? NaN, products: result.iterations },
        ...{ lambdaMs: between - started, traceMs: performance.now() - between },
        ...{ trace: found.value, standardError: found.standardError ?? NaN },
      };
    },
  };
}

interface Subject {
  readonly loaded: LoadedModel;
  readonly batch: Batch;
  /** Row space, for sharpness and traces of the modules. */
  readonly row: OwnedCoordinates;
  /** Everything that is trained, as PyHessian has it. */
  readonly all: OwnedCoordinates;
  /** Whole passes. */
  readonly whole: Objective;
}

function works(subject: Subject): Record<LandscapeWork, () => Promise<unknown>> {
  const { loaded, batch, row, all, whole } = subject;
  const sharpness = contextOf(row, whole, { measure: 'sam' });
  const trace = contextOf(row, whole, { measure: 'hessian-trace', probes: PROBES });
  const product = async (hvp: 'exact' | 'difference') => {
    const z = rademacher(all.blocks, { seed: 1, index: 0 });
    await createHessianOperator({ coordinates: all, objective: whole }, hvp).apply(z);
  };
  const scopes = moduleScopes(row, () => whole);
  return {
    gradient: async () => {
      const { gradients } = await whole.gradient(all.base, all.keys);
      await all.pull(gradients);
      disposeAll(gradients);
    },
    'exact product': () => product('exact'),
    'difference product': () => product('difference'),
    'sharpness of all modules': async () => {
      const objectives = new Map<number, Objective>();
      const own = moduleScopes(row, (depth) => {
        const known = objectives.get(depth);
        if (known) return known;
        const made = createObjective({ model: loaded.model, batches: [batch], depth });
        objectives.set(depth, made);
        return made;
      });
      await sam.measureTogether?.(sharpness, own);
      for (const objective of objectives.values()) objective.dispose();
    },
    'sharpness, whole forward passes': () =>
      sam.measureTogether?.(sharpness, scopes) ?? Promise.resolve(),
    'sharpness, module by module': async () => {
      for (const scope of scopes) await sam.measure({ ...sharpness, ...scope });
    },
    'trace of all': () => hessianTrace.measure(trace),
    'traces of all modules': () =>
      hessianTrace.measureTogether?.(trace, scopes) ?? Promise.resolve(),
  };

  function moduleScopes(
    coordinates: OwnedCoordinates,
    objectiveAt: (depth: number) => Objective,
  ): MeasuredScope[] {
    return loaded.model.modules.map(({ path }) => {
      const own = coordinates.restrict(
        path,
        coordinates.blocks.filter(({ owner }) => owner === path),
      );
      const depth = Math.min(...own.keys.map((key) => loaded.model.depthOf(key)));
      return { id: path, coordinates: own, objective: objectiveAt(depth) };
    });
  }
}

function contextOf(
  coordinates: OwnedCoordinates,
  objective: Objective,
  task: Parameters<typeof inspectionTaskSchema.parse>[0] & object,
): MeasureContext {
  const parsed = inspectionTaskSchema.parse({ ...task, space: coordinates.space });
  return {
    ...{ id: 'all', coordinates, objective, task: parsed, rho: 0.05, samples: [], points: [] },
    ...{ onSample: () => undefined, onPoint: () => undefined },
  };
}

function coordinatesOf(loaded: LoadedModel, space: SpaceName): Promise<OwnedCoordinates> {
  return createCoordinates({ space, model: loaded.model, parameters: loaded.initial });
}

async function firstBatch(folder: string): Promise<Batch> {
  const { ids, labels } = JSON.parse(
    await readFile(join(folder, BATCHES_FILE), 'utf8'),
  ) as BenchBatches;
  const rows = (ids[0] ?? []).map((row, i): BatchRow => {
    return { ids: row, typeIds: row.map(() => 0), label: labels[0]?.[i] ?? 0 };
  });
  return makeBatch(rows, 0);
}
