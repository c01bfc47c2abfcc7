import { percent, shortNumber, shortPath, timeText } from './format';
import type { HintKey } from './hint-places';
import { finite, median, type MeasuredLayers } from './measured-layers';
import type { LayerKey } from './columns';

/**
 * What was measured of the thing that a key sets, in a few words: VS Code cuts hints at 43
 * characters, so the numbers come first.
 * @returns undefined where nothing of it was measured
 */
export function hintText(key: HintKey, layers: MeasuredLayers): string | undefined {
  return TEXTS[key](layers);
}

const TEXTS: Readonly<Record<HintKey, (layers: MeasuredLayers) => string | undefined>> = {
  target_modules: (layers) => {
    const shares = layers.values.share ?? [];
    const largest = Math.max(...finite(shares));
    const sharpest = layers.modules[shares.indexOf(largest)];
    return sharpest && `sharpest ${percent(largest)}: ${shortPath(sharpest)}`;
  },
  r: (layers) => {
    const parts = [named('κ(A)', 'kappaA', layers), named('κ(B)', 'kappaB', layers)];
    const text = parts.filter((part) => part !== undefined).join(', ');
    return text === '' ? undefined : `median ${text}`;
  },
  lora_alpha: (layers) => {
    const scalings = range(layers.modules.map(({ scaling }) => scaling));
    const norm = named('‖ΔW‖', 'normDeltaW', layers);
    return norm && `s ${scalings}, median ${norm}`;
  },
  rho: (layers) => {
    const ratios = finite(layers.values.rhoEffRatio);
    if (ratios.length > 0) return `ρ_eff ${range(ratios)} ρ`;
    const { together, rho } = layers.sharpness ?? {};
    return together === undefined
      ? undefined
      : `sharpness ${shortNumber(together)} at ρ ${shortNumber(rho ?? NaN)}`;
  },
  beta: (layers) => {
    const parts = [named('cos', 'emaCosine', layers), named('‖Ê‖', 'normEhat', layers)];
    const text = parts.filter((part) => part !== undefined).join(', ');
    return text === '' ? undefined : `median ${text}`;
  },
};

/** What a hint means, for its tooltip. */
export const HINT_MEANINGS: Readonly<Record<HintKey, string>> = {
  target_modules: 'The sharpest module, and its part of the sum of all positive sharpnesses.',
  r: 'Condition numbers of A and B: the median over the modules.',
  lora_alpha: 'The scaling s, and the norm of the update sBA: the median over the modules.',
  rho: 'Radius that the perturbation really has in W: smallest and largest of the modules. Where no method records it, the sharpness of all modules together.',
  beta: 'Cosine of the new perturbation with the average Ê that was applied, and the norm of Ê: medians over the modules.',
};

/** One line for each thing that a measured number must not be without. */
export function settingLines(layers: MeasuredLayers): string[] {
  const { sharpness, training, title } = layers;
  const lines = [title];
  if (sharpness) {
    const { from, step, time, space, rho, examples, source, seed } = sharpness;
    const of = step === undefined ? from : `${from} of step ${step}`;
    lines.push(
      `sharpness: ${of}, ${timeText(time)}; ${space}, ρ ${rho}, batch of ${examples} (${source}), seed ${seed}`,
    );
  }
  if (training) {
    const { step, totalSteps, rho } = training;
    const at = `training step ${step} of ${totalSteps}, ρ_t ${shortNumber(rho)}`;
    const seed = layers.manifest && `, seed ${layers.manifest.config.train.seed}`;
    lines.push(`the other values: ${at}${seed ?? ''}${startedText(layers)}`);
  }
  return lines;
}

function startedText({ manifest }: MeasuredLayers): string {
  return manifest ? `; run started ${timeText(manifest.createdAt)}` : '';
}

function named(label: string, key: LayerKey, { values }: MeasuredLayers): string | undefined {
  const known = (values[key] ?? []).filter((value) => !Number.isNaN(value));
  return known.length > 0 ? `${label} ${shortNumber(median(known))}` : undefined;
}

/** `0.47–0.67`, or the one value that all have. */
function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(shortNumber);
  return least === most ? String(least) : `${least}–${most}`;
}
