import type { Config } from '../config/schema';
import type { KeyPath } from '../config/tree';
import { METHODS } from '../methods';
import type { ChangedKey } from './changed-keys';
import type { LayerKey } from './columns';
import { percent, shortNumber, timeText } from './format';
import { finite, median, type MeasuredLayers } from './measured-layers';

/** Stable; quick fixes are keyed on it. */
export type FindingCode = 'sharp-layer' | 'kappa' | 'kappa-truncated' | 'rho-eff';

/** A key to set; a list gets one item more. */
export interface FindingFix {
  readonly path: readonly [section: string, key: string];
  readonly value: string;
  readonly append?: true;
}

/** Something that measured values say about a config. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: 'information' | 'warning';
  readonly message: string;
  /** Where it is shown: the first of these that is written. */
  readonly at: readonly KeyPath[];
  readonly fixes: readonly FindingFix[];
}

export const THRESHOLDS = {
  /** Of the sum of positive sharpnesses; with fewer modules one always has much. */
  share: 0.5,
  modules: 4,
  /** Beyond them float32 Grams lose more than three digits (Grams square κ). */
  kappaA: 30,
  kappaB: 300,
  /** Median of ρ_eff/ρ. Trained modules of small models have 0.3 to 0.7. */
  rhoEff: 0.3,
} as const;

interface Rule {
  /** The finding says nothing once one of these has changed since the run: keys or sections. */
  readonly dependsOn: readonly string[];
  find(layers: MeasuredLayers, run: Run): Finding | undefined;
}

interface Run {
  readonly config: Config;
  /** Of each message: where its number is from. */
  readonly from: (key: LayerKey) => string;
}

/**
 * What the last measured values of a config's run say about the config.
 * @param changed keys that are no longer those of the run
 */
export function findingsOf(layers: MeasuredLayers, changed: readonly ChangedKey[]): Finding[] {
  const { manifest } = layers;
  if (!manifest) return [];
  const touched = (key: string) =>
    changed.some(({ name }) => name === key || name.startsWith(`${key}.`));
  const run = { config: manifest.config, from: (key: LayerKey) => originOf(layers, key, changed) };
  return RULES.filter(({ dependsOn }) => !dependsOn.some(touched)).flatMap(
    (rule) => rule.find(layers, run) ?? [],
  );
}

const RULES: readonly Rule[] = [
  { dependsOn: ['model', 'adapter'], find: sharpLayer },
  {
    dependsOn: ['model', 'adapter', 'method.name', 'method.gram_dtype'],
    find: kappaBeyondFloat32,
  },
  {
    dependsOn: ['model', 'adapter', 'method.name', 'method.tau_a'],
    find: kappaTruncated,
  },
  {
    dependsOn: [
      ...['model', 'adapter', 'method.name', 'method.grad_estimator'],
      ...['method.radius_correction', 'method.perturb_target'],
    ],
    find: smallRadius,
  },
];

const AT_RHO: readonly KeyPath[] = [['method', 'rho'], ['method', 'name'], ['method'], []];

function sharpLayer({ modules, values }: MeasuredLayers, { config, from }: Run) {
  const shares = values.share ?? [];
  const measured = finite(shares);
  const largest = Math.max(...measured);
  const module = modules[shares.indexOf(largest)];
  if (!module || measured.length < THRESHOLDS.modules || largest <= THRESHOLDS.share)
    return undefined;
  // A regular expression cannot be made longer by one item.
  const isList = typeof config.adapter.exclude_modules !== 'string';
  const finding: Finding = {
    code: 'sharp-layer',
    severity: 'information',
    message: `${module.path} carries ${percent(largest)} of the sum of the modules' positive sharpness (threshold ${percent(THRESHOLDS.share)}): ${from('share')}`,
    at: [['adapter', 'target_modules'], ['adapter'], []],
    fixes: isList
      ? [{ path: ['adapter', 'exclude_modules'], value: module.path, append: true }]
      : [],
  };
  return finding;
}

/** Float32 Grams: such a module is done again in float64 (`gram_dtype`), twice the work. */
function kappaBeyondFloat32({ modules, values, manifest }: MeasuredLayers, { config, from }: Run) {
  const { gram_dtype } = config.method;
  const isFloat32 = gram_dtype === 'float32' || (gram_dtype === 'auto' && manifest?.backend.device);
  if (!usesPseudoInverse(config) || !isFloat32) return undefined;
  const beyond = modules.filter(
    (_, i) =>
      (values.kappaA?.[i] ?? NaN) > THRESHOLDS.kappaA ||
      (values.kappaB?.[i] ?? NaN) > THRESHOLDS.kappaB,
  );
  if (beyond.length === 0) return undefined;
  const largest = (key: LayerKey) => shortNumber(Math.max(...known(values[key])));
  const finding: Finding = {
    code: 'kappa',
    severity: 'information',
    message: `float32 Grams are too coarse for ${beyond.length} of ${modules.length} modules, which are computed again in float64: largest κ(A) ${largest('kappaA')} (threshold ${THRESHOLDS.kappaA}), κ(B) ${largest('kappaB')} (threshold ${THRESHOLDS.kappaB}): ${from('kappaA')}`,
    at: [['method', 'gram_dtype'], ...AT_RHO],
    fixes: [{ path: ['method', 'gram_dtype'], value: 'float64' }],
  };
  return finding;
}

/** κ(A) above 1/τ_A: the pseudo-inverse leaves directions of A out. */
function kappaTruncated({ modules, values }: MeasuredLayers, { config, from }: Run) {
  const threshold = 1 / config.method.tau_a;
  const largest = Math.max(...known(values.kappaA));
  if (!usesPseudoInverse(config) || !(largest > threshold)) return undefined;
  const worst = modules[(values.kappaA ?? []).indexOf(largest)];
  const finding: Finding = {
    code: 'kappa-truncated',
    severity: 'warning',
    message: `κ(A) of ${worst?.path} is ${shortNumber(largest)}, above 1/tau_a = ${shortNumber(threshold)}: the pseudo-inverse drops directions of A, so less is perturbed. A smaller \`adapter.r\` has none to drop: ${from('kappaA')}`,
    at: [['method', 'tau_a'], ['adapter', 'r'], ...AT_RHO],
    fixes: [],
  };
  return finding;
}

function smallRadius({ values }: MeasuredLayers, { config, from }: Run) {
  const { method } = config;
  const ratio = median(finite(values.rhoEffRatio));
  const isExact = method.radius_correction === 'exact' || method.grad_estimator === 'A_only';
  if (!usesPseudoInverse(config) || isExact || !(ratio < THRESHOLDS.rhoEff)) return undefined;
  const finding: Finding = {
    code: 'rho-eff',
    severity: 'information',
    message: `the perturbation has ${percent(ratio)} of the radius ρ that is asked for (median of ρ_eff/ρ over the modules; threshold ${percent(THRESHOLDS.rhoEff)}): ${from('rhoEffRatio')}`,
    at: AT_RHO,
    fixes: [
      ...(method.perturb_target === 'B'
        ? [{ path: ['method', 'grad_estimator'], value: 'A_only' } as const]
        : []),
      { path: ['method', 'radius_correction'], value: 'exact' },
    ],
  };
  return finding;
}

/** Only these methods invert the Grams. */
function usesPseudoInverse({ method }: Config): boolean {
  return METHODS[method.name].reads.includes('grad_estimator');
}

function known(values: readonly number[] | undefined): number[] {
  return (values ?? []).filter((value) => !Number.isNaN(value));
}

/** Run, step, settings and, where it is not the config any more, what has changed. */
function originOf(layers: MeasuredLayers, key: LayerKey, changed: readonly ChangedKey[]): string {
  const { sharpness, training, title } = layers;
  const since =
    changed.length > 0 ? `; changed since: ${changed.map(({ name }) => name).join(', ')}` : '';
  if (key !== 'share' || !sharpness)
    return `run ${title}, step ${training?.step}, ρ_t ${shortNumber(training?.rho ?? NaN)}${since}`;
  const { from, step, time, space, rho, examples, source, seed } = sharpness;
  const of = step === undefined ? from : `${from} of step ${step}`;
  return `run ${title}, ${of}, ${timeText(time)}; ${space}, ρ ${rho}, batch of ${examples} (${source}), seed ${seed}${since}`;
}
