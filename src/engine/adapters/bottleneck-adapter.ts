import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import { UserError } from '../../shared/errors';
import type { FlatscapeAdapterConfig } from '../formats/flatscape-adapter';
import { peftKey, stateNameOf } from '../formats/peft-adapter';
import type { ModelSpec } from '../models/architecture';
import type { Bottleneck } from '../ops/bottleneck';
import type { AdapterPlan, AdapterStart } from './adapter-plan';
import { flatscapeStore, storedFlatscape } from './flatscape-store';
import { headAndSaved } from './head';
import { generatorFor, normal } from './initialise';
import { trainableShapes } from './trained-names';
import { UNCHANGED } from './unchanged';

type Settings = Pick<Config['adapter'], 'size' | 'activation' | 'position' | 'modules_to_save'>;

/**
 * Bottleneck layers, h + W_up f(W_down h + b) + b: after the attention and the feed-forward output
 * before the residual sum (Houlsby et al. 2019), or after the feed-forward sublayer only, on its
 * layer-normed sum (Pfeiffer et al. 2020; AdapterL). No factorised weight: low-rank methods and
 * Theorem 1 do not apply.
 */
export function createBottleneckAdapter(settings: Settings, spec: ModelSpec): AdapterPlan {
  const { size, activation, position, modules_to_save = [] } = settings;
  const bottlenecks = bottleneckLayers(spec, settings);
  const trained = headAndSaved(spec, modules_to_save);
  const config: FlatscapeAdapterConfig = {
    format: 1,
    type: 'adapter',
    ...{ size, activation, position },
    base_model_name_or_path: null,
    modules_to_save: [...modules_to_save],
  };
  const shapes = new Map([
    ...[...bottlenecks.values()].flatMap((layer) =>
      tensorsOf(layer).map(({ key, shape }) => [stateNameOf(key), shape] as const),
    ),
    ...[...trainableShapes(spec)].filter(([name]) => trained.has(name)),
  ]);
  return {
    ...UNCHANGED,
    trained,
    bottlenecks,
    start: (seed) => freshBottlenecks(bottlenecks, seed),
    stored: (saved) => storedFlatscape(saved, config, shapes),
    store: () => flatscapeStore(config),
  };
}

/** By the path of the sublayer's norm. */
function bottleneckLayers(
  spec: ModelSpec,
  { size, activation, position }: Settings,
): ReadonlyMap<string, Bottleneck> {
  const widths = new Map(spec.norms.map(({ path, size }) => [path, size]));
  const chosen = spec.sublayers.filter(({ kind }) => position === 'both' || kind === 'ffn');
  if (chosen.length === 0)
    throw new UserError({
      code: 'adapter-unsupported',
      message: 'this model has no sublayers that bottleneck layers could follow',
      place: { at: 'adapter.type' },
      found: spec.className,
      remedy: 'Choose `adapter.type: lora`, `full` or `head`.',
    });
  return new Map(
    chosen.map(({ path, norm }) => {
      const key = (name: string): string => peftKey(`${path}.adapter.${name}`);
      const layer: Bottleneck = {
        path: `${path}.adapter`,
        at: position === 'both' ? 'sublayer' : 'sum',
        width: widths.get(norm) ?? 0,
        ...{ size, activation },
        ...{ downWeight: key('down.weight'), downBias: key('down.bias') },
        ...{ upWeight: key('up.weight'), upBias: key('up.bias') },
      };
      return [norm, layer];
    }),
  );
}

/** Standard deviation of fresh weights: near the identity, as Houlsby et al. start. */
const DEVIATION = 0.01;

function freshBottlenecks(
  bottlenecks: ReadonlyMap<string, Bottleneck>,
  seed: number,
): AdapterStart {
  return {
    adopt: (_path, weight) => weight,
    initial: () =>
      new Map(
        [...bottlenecks.values()].flatMap(tensorsOf).map(({ key, shape }) => {
          const size = shape.reduce((product, n) => product * n, 1);
          const values =
            shape.length === 1
              ? new Float32Array(size)
              : normal(size, DEVIATION, generatorFor(seed, key));
          return [key, tf.tensor(values, [...shape])];
        }),
      ),
  };
}

function tensorsOf(
  layer: Bottleneck,
): readonly { readonly key: string; readonly shape: readonly number[] }[] {
  const { width, size } = layer;
  return [
    { key: layer.downWeight, shape: [size, width] },
    { key: layer.downBias, shape: [size] },
    { key: layer.upWeight, shape: [width, size] },
    { key: layer.upBias, shape: [width] },
  ];
}
