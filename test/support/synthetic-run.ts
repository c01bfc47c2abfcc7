import { ADAPTERS, type AdapterType } from '../../src/shared/adapters';
import { configSchema } from '../../src/shared/config/schema';
import type { RunEvent, RunEventBody } from '../../src/shared/events';
import { METHODS, type MethodName } from '../../src/shared/methods';
import type { QuantityKey } from '../../src/shared/quantities';
import type { RunManifest } from '../../src/shared/run-manifest';
import { theorem1Standing } from '../../src/shared/theorem1';

type Layers = Partial<Record<QuantityKey, number[]>>;

export interface SyntheticOptions {
  readonly modules?: number;
  readonly steps?: number;
  readonly totalSteps?: number;
  readonly optimizer?: 'adamw' | 'sgd';
  /** Whether the run's last event is `ended`. */
  readonly ended?: boolean;
  readonly method?: MethodName;
  /** One without pairs has no modules. */
  readonly adapter?: AdapterType;
  /** Sections of the config over those of the run. */
  readonly config?: {
    readonly method?: Record<string, unknown>;
    readonly probe?: Record<string, unknown>;
  };
}

const START = Date.UTC(2026, 10, 21, 9, 30);
const STEP_MS = 420;
const RHO = 0.05;
const LR = 3e-4;

/** `run.json` of a made-up efmlora run on a small BERT. */
export function syntheticManifest(options: SyntheticOptions = {}): RunManifest {
  const { steps = 300, optimizer = 'adamw', method = 'efmlora', adapter = 'lora' } = options;
  const modules = moduleCount(options);
  const totalSteps = options.totalSteps ?? steps;
  const config = configSchema.parse({
    model: { name_or_path: 'acme/tiny-bert' },
    task: { train: './train.csv', eval: './eval.csv' },
    adapter: { type: adapter },
    method: { name: method, rho: RHO, beta: 0.9, ...options.config?.method },
    probe: { ...options.config?.probe },
    optimizer: { name: optimizer, lr: LR },
    train: { steps: totalSteps, eval_every: 50 },
  });
  return {
    format: 1,
    id: 'sst2-efmlora-20261121-093000',
    name: 'sst2-efmlora',
    createdAt: START,
    configFile: '/home/ada/sst2/sst2.flatscape.yaml',
    configText: 'model: { name_or_path: acme/tiny-bert }\n',
    config,
    versions: { flatscape: '0.1.0' },
    backend: {
      name: 'wasm',
      reason: 'fastest that passed its self-test',
      refused: [{ name: 'tensorflow', reason: 'not installed' }],
    },
    model: {
      architecture: 'BertForSequenceClassification',
      directory: '/models/tiny-bert',
      files: [],
    },
    data: { files: [], train: 6920, eval: 872 },
    labels: ['negative', 'positive'],
    modules: Array.from({ length: modules }, (_, i) => moduleInfo(i)),
    parameters: { trainable: 8 * modules * 128, total: 4_385_920 },
    totalSteps,
  };
}

/** Journal of that run, deterministic: the same options give the same numbers on every machine. */
export function syntheticEvents(options: SyntheticOptions = {}): RunEvent[] {
  const { steps = 300, ended = false } = options;
  const totalSteps = options.totalSteps ?? steps;
  const { config } = syntheticManifest(options);
  const made: Made = {
    ...{ totalSteps, config, modules: moduleCount(options) },
    standing: theorem1Standing(config).standing,
  };
  const bodies: RunEventBody[] = [
    { type: 'started', totalSteps },
    { type: 'phase', phase: 'loading', message: 'loading acme/tiny-bert', fraction: 0.5 },
    probe(0, made),
  ];
  for (let step = 1; step <= steps; step++) {
    bodies.push(stepEvent(step, made));
    if (step % 20 === 0) bodies.push(probe(step, made));
    if (step % 50 === 0) bodies.push(evaluation(step));
    if (step % 100 === 0)
      bodies.push({
        type: 'checkpoint',
        step,
        directory: `checkpoints/step-${step}`,
        bytes: 412_000,
        removed: [],
      });
  }
  if (ended)
    bodies.push({ type: 'ended', status: 'completed', step: steps, trainMs: steps * STEP_MS });
  return bodies.map((body, seq) => ({ ...body, seq, time: START + 4000 + seq * STEP_MS }));
}

interface Made {
  readonly config: RunManifest['config'];
  readonly totalSteps: number;
  readonly modules: number;
  readonly standing: ReturnType<typeof theorem1Standing>['standing'];
}

function moduleCount({ modules = 8, adapter = 'lora' }: SyntheticOptions): number {
  return ADAPTERS[adapter].hasPairs ? modules : 0;
}

function moduleInfo(i: number): RunManifest['modules'][number] {
  const kind = i % 2 === 0 ? 'query' : 'value';
  const layer = Math.floor(i / 2);
  const path = `bert.encoder.layer.${layer}.attention.self.${kind}`;
  return { path, layer, kind, out: 128, in: 128, rank: 8, scaling: 2 };
}

function stepEvent(step: number, made: Made): RunEventBody {
  const { totalSteps } = made;
  const t = step / totalSteps;
  const loss = 0.18 + 0.52 * Math.exp(-4 * t) + 0.06 * noise(step, 1) * (1.3 - t);
  const warm = Math.min(1, step / (0.06 * totalSteps));
  return {
    type: 'step',
    step,
    epoch: step / 433,
    loss,
    lr: LR * Math.min(warm, 1.06 * (1 - t) + 1e-3),
    rho: rhoAt(t),
    gradientNorm: 0.4 + 1.4 * Math.exp(-3 * t) + 0.5 * Math.abs(noise(step, 2)),
    clipped: false,
    degenerate: 0,
    elapsedMs: STEP_MS * (1 + 0.1 * noise(step, 3)),
    layers: made.modules > 0 ? stepLayers(step, t, made) : {},
  };
}

function stepLayers(step: number, t: number, { modules, config, standing }: Made) {
  const each = (value: (module: number) => number) =>
    Array.from({ length: modules }, (_, m) => value(m));
  const growth = (m: number) => (1 - Math.exp(-3 * t)) * (0.6 + 0.8 * depth(m, modules));
  const gradB = (m: number) =>
    (0.4 + Math.exp(-4 * t)) * (0.5 + depth(m, modules)) * (1 + 0.3 * noise(step, 10 + m));
  const normA = (m: number) => 1.3 + 0.05 * growth(m);
  const tight = (m: number) => (rhoAt(t) / 2) * gradB(m) * 2.1;
  const rate = (m: number) => tight(m) * (0.55 + 0.35 * noise(step, 40 + m));
  const clean = {
    balancedness: each((m) => 0.5 * (growth(m) ** 2 * 2.6 - normA(m) ** 2)),
    measuredRate: each((m) => rate(m) + 0.02 * (1 - t) + 0.01 * noise(step, 130 + m)),
    kappaA: each((m) => 1.4 + 0.9 * growth(m)),
    // B is 0 until the first update, so it has no condition number at step 1.
    kappaB: each((m) => (step === 1 ? NaN : 3 + 6 * growth(m) + 0.2 * noise(step, 110 + m))),
    normA: each(normA),
    normB: each((m) => growth(m) * 1.6),
    normDeltaW: each((m) => growth(m) * 1.9),
  } satisfies Layers;
  if (!METHODS[config.method.name].perturbs) return clean;
  const perturbed = {
    ...clean,
    balancednessRate: each(rate),
    // Rounding in the seventh digit.
    ...(standing === 'exact' && {
      correctedRate: each((m) => rate(m) * (1 + 2e-7 * noise(step, 150 + m))),
    }),
    normE: each((m) => rhoAt(t) * (0.8 + 0.1 * noise(step, 70 + m))),
  } satisfies Layers;
  // A method that moves A as well has no bounds.
  if (!METHODS[config.method.name].reads.includes('perturb_target')) return perturbed;
  return {
    ...perturbed,
    boundPaper: each((m) => ((rhoAt(t) / 2) * gradB(m)) / normA(m)),
    boundSigmaMin: each((m) => ((rhoAt(t) / 2) * gradB(m)) / 0.38),
    boundTight: each(tight),
    rhoEffRatio: each((m) => 0.75 + 0.2 * depth(m, modules) + 0.03 * noise(step, 90 + m)),
  } satisfies Layers;
}

function probe(step: number, { modules, config }: Made): RunEventBody {
  const compared = config.method.name === 'efmlora' && config.probe.theorem2 && step > 0;
  const sharp = (m: number) =>
    0.03 *
      (0.3 + depth(m, modules) ** 2) *
      (0.5 + Math.exp(-step / 120)) *
      (1 + 0.2 * noise(step, 200 + m)) -
    0.002;
  return {
    type: 'probe',
    step,
    loss: 0.2 + 0.5 * Math.exp(-step / 90),
    sharpness: 0.11 * (0.4 + Math.exp(-step / 120)) * (1 + 0.08 * noise(step, 4)),
    rho: RHO,
    examples: 32,
    source: 'train',
    seed: 42,
    elapsedMs: 900,
    measures: { ...shares(step, 1), ...(compared && theorem2(step, config)) },
    layers:
      modules === 0
        ? {}
        : {
            sharpness: Array.from({ length: modules }, (_, m) => sharp(m)),
            ...layerShares(step, modules),
            ...(compared && {
              perturbationCosine: Array.from({ length: modules }, (_, m) =>
                cosineAt(step, 300 + m),
              ),
              perturbationRatio: Array.from({ length: modules }, (_, m) => ratioAt(step, 320 + m)),
            }),
          },
  };
}

/** More than a Gaussian has, and more in deeper modules; `scale` 1 is the whole. */
function shares(step: number, scale: number, salt = 0) {
  const top = (gaussian: number, room: number) =>
    gaussian + room * scale * (0.4 + 0.3 * Math.exp(-step / 100)) * (1 + 0.1 * noise(step, salt));
  return {
    gradientTop1: top(0.036, 0.1),
    gradientTop5: top(0.15, 0.22),
    gradientTop10: top(0.26, 0.28),
    sharpnessTop1: top(0.085, 0.4),
    sharpnessTop5: top(0.28, 0.45),
    sharpnessTop10: top(0.44, 0.42),
  };
}

function layerShares(step: number, modules: number) {
  const rows = Array.from({ length: modules }, (_, m) =>
    shares(step, 0.5 + 0.6 * depth(m, modules), 340 + m),
  );
  const keys = Object.keys(shares(0, 1)) as (keyof ReturnType<typeof shares>)[];
  return Object.fromEntries(keys.map((key) => [key, rows.map((row) => row[key])]));
}

function theorem2(step: number, { probe: { sigma_batches: batches }, method }: Made['config']) {
  const ema = 0.05 * (0.4 + Math.exp(-step / 120)) * (1 + 0.1 * noise(step, 400));
  const sam = ema * (1.5 + 0.2 * noise(step, 401));
  const known = batches > 0 && method.rho_schedule === 'inv_sqrt';
  return {
    theorem2Ema: ema,
    theorem2Sam: sam,
    theorem2Difference: Math.abs(ema - sam),
    theorem2Cosine: cosineAt(step, 402),
    theorem2NormRatio: ratioAt(step, 403),
    theorem2Posterior: 0.06 * (0.4 + Math.exp(-step / 120)) * (1 + 0.3 * noise(step, 404)),
    theorem2Bound: known ? 0.7 + 0.4 / Math.sqrt(step) : NaN,
    theorem2G: 1.2 + 0.1 * Math.log(step),
    theorem2Tau: 2.1 + 0.2 * Math.log(step),
    theorem2Sigma: batches > 0 ? 0.8 + 0.05 * Math.log(step) : NaN,
    theorem2Rho0: 0.11 + 0.01 * Math.log(step),
  };
}

function cosineAt(step: number, salt: number): number {
  return 0.35 + 0.25 * (1 - Math.exp(-step / 80)) + 0.08 * noise(step, salt);
}

function ratioAt(step: number, salt: number): number {
  return 0.55 + 0.1 * noise(step, salt);
}

function evaluation(step: number): RunEventBody {
  const accuracy = 0.52 + 0.37 * (1 - Math.exp(-step / 80)) + 0.01 * noise(step, 5);
  return {
    type: 'eval',
    step,
    examples: 872,
    loss: 0.25 + 0.45 * Math.exp(-step / 80),
    accuracy,
    macroF1: accuracy - 0.008,
    matthews: 2 * accuracy - 1.02,
    elapsedMs: 2100,
  };
}

function rhoAt(t: number): number {
  return RHO * (0.2 + 0.4 * (1 + Math.cos(Math.PI * t)));
}

function depth(module: number, modules: number): number {
  return modules > 1 ? module / (modules - 1) : 0;
}

/** Even in [-1, 1]; an integer hash, so that one step's numbers do not depend on another's. */
function noise(step: number, salt: number): number {
  let x = Math.imul(step, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 0x7fffffff - 1;
}
