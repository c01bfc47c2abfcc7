import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../shared/errors';
import { STATELESS, twoPassStep, type Ascent, type AscentRequest } from './ascent';
import { flatpoUnits, selectUnits, type Selection } from './flatpo-units';
import { hessianDiagonal } from './hessian-diagonal';
import type { Method, MethodContext } from './method';
import { uniformDraw, type DrawUniform } from './step-random';
import { disposeAll, mapTensors, normOf, pickTensors, type TensorMap } from './tensor-map';

const MASK = 'mask.';
const MEAN_SQUARE = 'mean_square.';

/**
 * FlatPO (arXiv 2606.10488, Can-Lin/FlatPO): SAM that moves the chosen units S alone,
 * ε_p = ρ g_p/(‖g‖ + 1e-12) for p ∈ S, else 0; ‖g‖ over all that is trained, so ‖ε‖ < ρ, or over S.
 * Published: S are the 5 % of the tensors with the largest ‖g_p‖, chosen anew at every step. With
 * `flatpo_adaptive`, ε = ρ p²g/(‖|p|g‖ + 1e-12). All parameters are updated.
 */
export function createFlatpo(
  context: MethodContext,
  draw: DrawUniform = uniformDraw('flatpo'),
): Method {
  const { model, config } = context;
  /** 0 or 1 for each coordinate. */
  let masks: Selection = new Map();
  /** EMA of g², for `ema_g2`. */
  let meanSquares = new Map<string, Float32Array>();

  const mayBeChosen = chosenFrom(context);

  async function choose({ gradient: all, input }: AscentRequest): Promise<void> {
    const gradient = new Map([...all].filter(([key]) => mayBeChosen(key)));
    const isDue = (input.at.step - 1) % config.flatpo_refresh_every === 0 || masks.size === 0;
    const score = config.flatpo_score;
    if (score === 'ema_g2')
      meanSquares = movingAverage(meanSquares, await squaresOf(gradient), config.flatpo_ema);
    if (!isDue) return;
    const energies = {
      norm: () => squaresOf(gradient),
      norm_per_size: () => squaresOf(gradient),
      ema_g2: () => meanSquares,
      hutchinson: () => hessianDiagonal(model, input, [...gradient.keys()], draw),
    }[score]();
    const units = flatpoUnits(model.modules, gradient, config);
    const options = { ...config, draw: (count: number) => draw(count, input.at) };
    masks = selectUnits(units, await energies, options);
  }

  async function ascend(request: AscentRequest): Promise<Ascent> {
    await choose(request);
    const { gradient, all, weights, input } = request;
    const chosen = [...masks].filter(([, mask]) => mask.some((v) => v > 0)).map(([key]) => key);
    const masked = mapTensors(pickTensors(gradient, chosen), (g, key) =>
      tf.mul(g, tf.tensor(masks.get(key) as Float32Array, g.shape)),
    );
    const adapt = (map: TensorMap, power: 1 | 2) =>
      mapTensors(map, (g, key) => {
        const p = tf.abs(weights.get(key) ?? (input.parameters.get(key) as tf.Tensor));
        return tf.mul(g, power === 1 ? p : tf.square(p));
      });
    const counted = config.flatpo_denominator === 'all' ? all : masked;
    const measured = config.flatpo_adaptive ? adapt(counted, 1) : counted;
    const norm = await normOf(measured);
    if (measured !== counted) disposeAll(measured);
    const direction = config.flatpo_adaptive ? adapt(masked, 2) : masked;
    const factor = input.rho / (norm + 1e-12);
    const usable = norm > 0 && Number.isFinite(norm);
    const e = usable ? mapTensors(direction, (d) => tf.mul(d, factor)) : new Map();
    if (direction !== masked) disposeAll(direction);
    disposeAll(masked);
    return { e, degenerate: usable ? 0 : 1 };
  }

  return {
    ...STATELESS,
    step: (input) => twoPassStep(context, input, { ascend }),
    async saveState() {
      const named = (prefix: string, map: ReadonlyMap<string, Float32Array>) =>
        [...map].map(([key, values]): [string, { shape: number[]; values: Float32Array }] => [
          prefix + key,
          { shape: [values.length], values },
        ]);
      const kept = config.flatpo_refresh_every > 1 ? masks : new Map<string, Float32Array>();
      return new Map([...named(MASK, kept), ...named(MEAN_SQUARE, meanSquares)]);
    },
    restoreState(state) {
      const named = (prefix: string) =>
        new Map(
          [...state].flatMap(([key, { values }]) =>
            key.startsWith(prefix) ? [[key.slice(prefix.length), values] as const] : [],
          ),
        );
      masks = named(MASK);
      meanSquares = named(MEAN_SQUARE);
    },
  };
}

/**
 * Whether a parameter is in one of `flatpo_modules`.
 * @throws UserError `flatpo-no-module` where they name nothing that is trained
 */
function chosenFrom({ model, config }: MethodContext): (key: string) => boolean {
  const names = config.flatpo_modules;
  if (names === 'all') return () => true;
  const isNamed = (key: string) => {
    const path = `.${key.replace(/(\.lora_[AB])?\.(weight|bias)$/, '')}`;
    return names.some((name) => path.endsWith(`.${name}`));
  };
  const trained = [...model.modules.map(({ loraB }) => loraB), ...model.headKeys];
  if (!trained.some(isNamed))
    throw new UserError({
      code: 'flatpo-no-module',
      message: 'none of these modules is trained',
      place: { at: 'method.flatpo_modules' },
      expected: `endings of ${model.modules.map(({ path }) => path).join(', ') || 'trained modules'}`,
      found: names.join(', '),
      remedy: 'Name modules that `adapter.target_modules` has, or leave the key out.',
    });
  return isNamed;
}

async function squaresOf(gradient: TensorMap): Promise<Map<string, Float32Array>> {
  const entries = [...gradient].map(
    async ([key, g]) => [key, ((await g.data()) as Float32Array).map((v) => v * v)] as const,
  );
  return new Map(await Promise.all(entries));
}

/** kept · before + (1 − kept) · now; it starts as `now`. */
function movingAverage(
  before: ReadonlyMap<string, Float32Array>,
  now: ReadonlyMap<string, Float32Array>,
  kept: number,
): Map<string, Float32Array> {
  return new Map(
    [...now].map(([key, square]) => {
      const old = before.get(key);
      return [key, old ? square.map((v, i) => kept * (old[i] as number) + (1 - kept) * v) : square];
    }),
  );
}
