/** A number of a whole probe, over all that is adapted together: the counterpart of a quantity. */
export interface MeasureDescription {
  /** Short, for axes and table heads. */
  readonly label: string;
  readonly summary: string;
  /** As it is computed. */
  readonly formula: string;
  /** The space a number lives in, or why it has none. */
  readonly space: string;
  readonly gaugeInvariant: boolean;
  readonly cost: string;
  /** Page and heading below `docs/`. */
  readonly docs: string;
}

const B_SPACE = 'B coordinates (A with `perturb_target: A`), all modules as one vector';
const THEOREM2 = {
  space: B_SPACE,
  gaugeInvariant: false,
  cost: 'two gradients of the probe batch for all of Theorem 2',
  docs: 'theorem2.md',
} as const;
const SHARES = {
  space: 'coordinates of what is trained (the pairs A, B; without pairs all but the head)',
  gaugeInvariant: false,
  cost: 'none: the gradient of the probe',
  docs: 'gradient-shares.md',
} as const;

function gradientTop(percent: number) {
  return {
    label: `gradient in top ${percent} %`,
    summary: `Share of the gradient’s absolute sum that the largest ${percent} % of all coordinates carry.`,
    formula: 'Σ_top |g_i| / Σ |g_i|, top: the max(1, ⌊p n⌋) largest |g_i| of n',
    ...SHARES,
  } as const;
}

function sharpnessTop(percent: number) {
  return {
    label: `sharpness in top ${percent} %`,
    summary: `Share of the sharpness’s first-order part ρ‖g‖ that the same ${percent} % of coordinates carry.`,
    formula: 'Σ_top g_i² / Σ g_i²: with ε = ρ g/‖g‖, ⟨g, ε⟩ = (ρ/‖g‖) Σ g_i²',
    ...SHARES,
  } as const;
}

export const MEASURES = {
  theorem2Ema: {
    label: 'S_EMA',
    summary: 'Loss rise at the moving average Ê_{t−1} that the next step would apply.',
    formula: 'L(w + Ê_{t−1}) − L(w)',
    ...THEOREM2,
  },
  theorem2Sam: {
    label: 'S_SAM',
    summary: 'Loss rise at the perturbation of the clean gradient, as FMLoRA would take it.',
    formula: 'L(w + E^SAM) − L(w)',
    ...THEOREM2,
  },
  theorem2Difference: {
    label: '|S_EMA − S_SAM|',
    summary: 'What Theorem 2 bounds.',
    formula: '|L(w + Ê_{t−1}) − L(w + E^SAM)|',
    ...THEOREM2,
  },
  theorem2Cosine: {
    label: 'cos(Ê, E^SAM)',
    summary: 'Alignment of the average with the perturbation it stands in for.',
    formula: '⟨Ê, E^SAM⟩ / (‖Ê‖ ‖E^SAM‖)',
    ...THEOREM2,
  },
  theorem2NormRatio: {
    label: '‖Ê‖ / ‖E^SAM‖',
    summary: 'How much averaging has shortened the perturbation.',
    formula: '‖Ê_{t−1}‖ / ‖E^SAM‖',
    ...THEOREM2,
  },
  theorem2Posterior: {
    label: 'a-posteriori bound',
    summary:
      'Eq. 32 with the larger of the gradients at both ends; holds where the loss is convex between them.',
    formula: 'max(‖∇L(w + Ê)‖, ‖∇L(w + E^SAM)‖) · ‖Ê − E^SAM‖',
    ...THEOREM2,
  },
  theorem2Bound: {
    label: 'Theorem 2',
    summary:
      'The theorem’s bound with the constants so far and σ where the paper prints σ²; its limit is (τρ₀ + G + σ)ρ₀, not 0. None without σ (`probe.sigma_batches`) or where ρ_t is not ρ₀/√t.',
    formula: '((1 + q) τ ρ₀ + G + σ)((1 + q) ρ₀ + ρ₀/√t), q = (1 − β)^(t−1)',
    ...THEOREM2,
  },
  theorem2G: {
    label: 'G',
    summary: 'Largest norm of the clean gradient at any probe so far.',
    formula: 'max ‖∇L(w)‖',
    ...THEOREM2,
  },
  theorem2Tau: {
    label: 'τ',
    summary: 'Largest change of the gradient per distance at any probe so far: its smoothness.',
    formula: 'max ‖∇L(w + ε) − ∇L(w)‖ / ‖ε‖ over ε = Ê, E^SAM',
    ...THEOREM2,
  },
  theorem2Sigma: {
    label: 'σ',
    summary: 'Largest spread of the gradients of training batches at any probe so far.',
    formula: 'max √(mean_b ‖g_b − ḡ‖²)',
    ...THEOREM2,
    cost: 'one gradient for each of `probe.sigma_batches`',
  },
  theorem2Rho0: {
    label: 'ρ₀ in B',
    summary:
      'ρ₀ of the theorem in the coordinates that it is stated in: `method.rho` is a radius in W.',
    formula: 'max √t ‖E^SAM_t‖',
    ...THEOREM2,
  },
  gradientTop1: gradientTop(1),
  gradientTop5: gradientTop(5),
  gradientTop10: gradientTop(10),
  sharpnessTop1: sharpnessTop(1),
  sharpnessTop5: sharpnessTop(5),
  sharpnessTop10: sharpnessTop(10),
} as const satisfies Record<string, MeasureDescription>;

export type MeasureKey = keyof typeof MEASURES;

export const MEASURE_KEYS = Object.keys(MEASURES) as [MeasureKey, ...MeasureKey[]];

/** NaN: not applicable. */
export type MeasureValues = Partial<Record<MeasureKey, number>>;
