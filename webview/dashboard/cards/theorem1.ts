import type { Drawing } from '../../charts/figure';
import { lineFigure, type LineSeries } from '../../charts/line-figure';
import { formatCount, formatNumber } from '../../data/format';
import { joinBySteps, type Series } from '../../data/table-data';
import { BOUNDS, theoremSeries, type BoundKey } from '../../data/theorem1';
import { shownLayers, type DrawContext } from '../state';

export const BOUND_NAMES: Record<BoundKey, string> = {
  boundPaper: 'bound 1, paper: ρ‖g̃_B‖/(s‖A‖)',
  boundSigmaMin: 'bound 2, corrected: ρ‖g̃_B‖/(s σ_min(A))',
  boundTight: 'bound 3, tight: (ρ_use/s)‖g̃_B K_A^(−½)‖',
};

const RATE = '⟨E, g̃_B⟩';
const MEASURED = 'measured Δ𝔅/η';

/** The module of the panel: the one asked for, else the first that is drawn as a line. */
export function theoremModule({ model, view }: Pick<DrawContext, 'model' | 'view'>): number {
  const { modules } = model.manifest;
  const asked = modules.findIndex((module) => module.path === view.theoremLayer);
  return asked >= 0 ? asked : (shownLayers(model, view)[0] ?? 0);
}

/** Magnitudes on a logarithmic axis, so that a rate above a bound is above it by eye, too. */
export function drawTheorem1(context: DrawContext): Drawing {
  const { model, theme, x } = context;
  const index = theoremModule(context);
  const series = theoremSeries(model, index);
  if (!series)
    return {
      kind: 'message',
      text:
        model.manifest.config.method.name === 'lora'
          ? 'Plain LoRA has no perturbation, so Theorem 1 says nothing about this run. Choose fmlora or efmlora.'
          : 'No rate yet. It comes with each step when probe.step_metrics is on.',
    };
  const { steps } = series;
  const raw: Series[] = [
    { name: RATE, steps, values: series.rate },
    { name: MEASURED, steps, values: series.measured },
    ...BOUNDS.map((key) => ({ name: BOUND_NAMES[key], steps, values: series.bounds[key] })),
  ];
  const [blue = '', orange = '', green = '', purple = '', red = ''] = theme.palette;
  const looks: Omit<LineSeries, keyof Series>[] = [
    { color: blue, width: 2 },
    { color: green, width: 1, opacity: 0.45 },
    { color: red, dash: 'dash' },
    { color: orange, dash: 'dashdot' },
    { color: purple, dash: 'dot', width: 2 },
  ];
  const drawn = raw.map((s, i): LineSeries => ({
    ...s,
    ...(looks[i] ?? { color: theme.foreground }),
    name: i < 2 ? `|${s.name}|` : s.name,
    values: s.values.map((value) => (value === 0 ? NaN : Math.abs(value))),
  }));
  const { figure, notes } = lineFigure(drawn, {
    theme,
    x,
    panels: [{ title: 'magnitude', log: true }],
    revision: `theorem1-${index}`,
  });
  return {
    kind: 'chart',
    figure,
    label: `Balancedness rate and its three bounds for ${model.manifest.modules[index]?.path ?? 'no module'}.`,
    notes: [applicability(model.manifest.config), signs(series.rate), ...notes],
    table: () => joinBySteps(raw),
    name: `theorem1-${index}`,
    subject: model.manifest.modules[index]?.path ?? '',
  };
}

function applicability({ optimizer }: DrawContext['model']['manifest']['config']): string {
  if (optimizer.name === 'adamw')
    return 'Bounds not applicable to Adam: ⟨E, g̃_B⟩ is the rate that SGD would have here, Δ𝔅/η what AdamW did. Theorem 1 is about plain gradient flow.';
  const extra = optimizer.momentum > 0 ? ' This run has momentum, which the theorem does not.' : '';
  return `Gradient flow: |⟨E, g̃_B⟩| may not exceed bounds 2 and 3; Δ𝔅/η also has the discretisation term ½η(‖g̃_B‖² − ‖g̃_A‖²) and weight decay.${extra}`;
}

function signs(rate: readonly number[]): string {
  const finite = rate.filter(Number.isFinite);
  const positive = finite.filter((value) => value > 0).length;
  const latest = finite.at(-1);
  return `The rate was positive at ${formatCount(positive)} of ${formatCount(finite.length)} steps${latest === undefined ? '' : `; latest ${formatNumber(latest)}`}.`;
}
