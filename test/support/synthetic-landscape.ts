import type { InspectionEvent, InspectionEventBody } from '../../src/shared/inspection/events';
import type { InspectionManifest } from '../../src/shared/inspection/manifest';
import {
  LANDSCAPE_MEASURES,
  type LandscapeMeasureDescription,
} from '../../src/shared/inspection/measures';
import {
  applyInspectionEvent,
  emptyInspectionModel,
  type InspectionModel,
} from '../../src/shared/inspection/model';
import {
  inspectionRequestSchema,
  type InspectionRequestInput,
  type InspectionTask,
} from '../../src/shared/inspection/request';
import type { MeasureResult } from '../../src/shared/inspection/results';
import type { ModuleInfo } from '../../src/shared/run-manifest';

type TaskInput = InspectionRequestInput['tasks'][number];

export interface SyntheticInspection {
  readonly tasks: readonly TaskInput[];
  readonly blocks?: number;
}

const START = Date.UTC(2026, 10, 22, 9, 30);
const KINDS = ['query', 'value'] as const;

/** `inspection.json` of a made-up inspection of a small BERT's adapter. */
export function inspectionManifest({ tasks, blocks = 4 }: SyntheticInspection): InspectionManifest {
  const request = inspectionRequestSchema.parse({
    subject: {
      kind: 'run',
      run: '/home/ada/.flatscape/runs/sst2-efmlora-20261121-093000',
      step: 200,
    },
    tasks: [...tasks],
  });
  return {
    format: 1,
    id: 'step-200-sam-20261122-093000',
    createdAt: START,
    request,
    title: 'sst2-efmlora-20261121-093000, step 200',
    versions: { flatscape: '0.1.0' },
    backend: { name: 'tensorflow', reason: 'fastest that passed its self-test' },
    model: { architecture: 'BertForSequenceClassification', directory: '/models/tiny-bert' },
    adapter: { directory: '/runs/checkpoints/step-200', sha256: '3f9a0c1d'.repeat(8) },
    step: 200,
    data: {
      file: '/home/ada/sst2/train.csv',
      sha256: '0'.repeat(64),
      examples: 64,
      length: 41,
    },
    modules: Array.from({ length: blocks }, (_, layer) =>
      KINDS.map((kind) => module(layer, kind)),
    ).flat(),
    estimate: { gradients: 120, forwards: 2500, ms: 90_000 },
  };
}

/** Its journal: the same options give the same numbers on every machine. */
export function inspectionEvents(options: SyntheticInspection): InspectionEvent[] {
  const manifest = inspectionManifest(options);
  const { tasks } = manifest.request;
  const units = tasks.flatMap((task, index) => unitsOf(manifest, task, index));
  const bodies: InspectionEventBody[] = [
    { type: 'started', units: units.length, resumed: false },
    { type: 'phase', phase: 'loading', message: 'loading acme/tiny-bert' },
  ];
  units.forEach((unit, i) => {
    bodies.push(...unit.events);
    bodies.push({
      type: 'progress',
      message: `${unit.task.measure} of ${unit.scope}`,
      fraction: (i + 1) / units.length,
      elapsedMs: 400 * (i + 1),
      remainingMs: 400 * (units.length - i - 1),
    });
  });
  bodies.push({ type: 'ended', status: 'completed' });
  return bodies.map((body, seq) => ({ ...body, seq, time: START + 100 * seq }) as InspectionEvent);
}

/** Folded up to `count` events. */
export function inspectionModel(options: SyntheticInspection, count = Infinity): InspectionModel {
  const model = emptyInspectionModel(inspectionManifest(options));
  for (const event of inspectionEvents(options).slice(0, count)) applyInspectionEvent(model, event);
  return model;
}

/** A bowl with two directions of different curvature, a wave on it, and one corner that overflows. */
export function planeLoss(x: number, y: number): number {
  if (x > 0.8 && y > 0.8) return NaN;
  return 0.31 + 0.9 * x * x + 0.25 * y * y + 0.08 * Math.sin(5 * x) * Math.cos(4 * y) + 0.08;
}

interface Unit {
  readonly task: InspectionTask;
  readonly scope: string;
  readonly events: InspectionEventBody[];
}

function unitsOf(manifest: InspectionManifest, task: InspectionTask, index: number): Unit[] {
  const { atRho, kind }: LandscapeMeasureDescription = LANDSCAPE_MEASURES[task.measure];
  const radii = atRho ? task.rho : [undefined];
  return scopesOf(manifest, task).flatMap((scope, depth) =>
    radii.map((rho) => {
      const key = { task: index, scope, ...(rho !== undefined && { rho }) };
      const steps: InspectionEventBody[] =
        kind === 'surface'
          ? planePoints(task).map((point) => ({ type: 'point', ...key, ...point }))
          : kind === 'line'
            ? axisOf(task).map((x) => ({ type: 'point', ...key, ...linePoint(x, depth), level: 0 }))
            : [];
      const result: InspectionEventBody = {
        ...{ type: 'result', ...key, result: resultOf(task, kind, depth, rho ?? 0) },
        ...(task.measure.includes('hessian') && { hvp: 'exact' as const }),
        elapsedMs: 400,
      };
      return { task, scope, events: [...steps, result] };
    }),
  );
}

function scopesOf({ modules }: InspectionManifest, { scope }: InspectionTask): string[] {
  if (scope === 'all') return ['all'];
  if (scope === 'modules') return modules.map(({ path }) => path);
  return [...new Set(modules.map(({ layer }) => `block.${layer}`))];
}

function resultOf(
  task: InspectionTask,
  kind: MeasureResult['kind'],
  depth: number,
  rho: number,
): MeasureResult {
  const size = 0.02 * (1 + 3 * Math.exp(-((depth - 5) ** 2) / 3));
  switch (kind) {
    case 'scalar':
      return {
        kind,
        value: size * (1 + 20 * rho),
        standardError: size * 0.12,
        details: { loss: 0.3912 },
      };
    case 'eigenvalues': {
      const values = [4.1, 1.7, 0.9, -0.05, -0.21].map((v) => v * (1 + 0.2 * depth));
      return {
        ...{ kind, values, residuals: values.map((v) => 0.02 * Math.abs(v)) },
        ...{ iterations: 20, converged: depth !== 2 },
      };
    }
    case 'density':
      return density();
    case 'line': {
      const points = axisOf(task).map((x) => linePoint(x, depth));
      return {
        ...{ kind, x: points.map(({ x }) => x), loss: points.map(({ loss }) => loss) },
        ...{ noise: points.map(({ noise }) => noise), norms: [1.25] },
        holes: points.filter(({ loss }) => !Number.isFinite(loss)).length,
      };
    }
    case 'surface': {
      const axis = axisOf(task);
      const loss = axis.flatMap((y) => axis.map((x) => planeLoss(x, y)));
      return {
        ...{ kind, x: axis, y: axis, loss, noise: loss.map(() => 0.012), norms: [1.25, 1.31] },
        holes: loss.filter((value) => !Number.isFinite(value)).length,
      };
    }
  }
}

function density(): MeasureResult {
  const nodes = [0, 1, 2].map((start) =>
    [-0.21, 0, 0.04, 0.6, 1.9, 4.1].map((v) => v * (1 + 0.02 * start)),
  );
  const weights = nodes.map(() => [0.002, 0.72, 0.2, 0.05, 0.02, 0.008]);
  const grid = Array.from({ length: 400 }, (_, i) => -1 + (6 * i) / 399);
  const variance = 0.004;
  const curve = grid.map((at) =>
    nodes[0]?.reduce(
      (sum, node, i) =>
        sum + (weights[0]?.[i] ?? 0) * Math.exp(-((at - node) ** 2) / (2 * variance)),
      0,
    ),
  );
  return {
    kind: 'density',
    nodes,
    weights,
    grid,
    density: curve.map((v) => (v ?? 0) / 0.158),
    variance,
  };
}

function linePoint(x: number, depth: number) {
  const loss = x < -0.9 && depth === 1 ? NaN : 0.39 + (0.2 + 0.1 * depth) * x * x;
  return { x, loss, noise: 0.02 + 0.02 * Math.abs(x) };
}

function axisOf({ points, extent }: InspectionTask): number[] {
  return Array.from({ length: points }, (_, i) => (extent * (2 * i - (points - 1))) / (points - 1));
}

/** As the engine walks: a grid of every 2^k-th line first, then those between. */
function planePoints(task: InspectionTask) {
  const axis = axisOf(task);
  const strides = [8, 4, 2, 1].filter((stride) => (task.points - 1) % stride === 0);
  const levels = strides.map((stride) => axis.filter((_, i) => i % stride === 0));
  const seen = new Set<string>();
  return levels.flatMap((lines, level) =>
    lines.flatMap((y) =>
      lines.flatMap((x) => {
        const key = `${x} ${y}`;
        if (seen.has(key)) return [];
        seen.add(key);
        return [{ x, y, loss: planeLoss(x, y), noise: 0.012, level }];
      }),
    ),
  );
}

function module(layer: number, kind: string): ModuleInfo {
  const path = `bert.encoder.layer.${layer}.attention.self.${kind}`;
  return { path, layer, kind, out: 128, in: 128, rank: 8, scaling: 2 };
}
