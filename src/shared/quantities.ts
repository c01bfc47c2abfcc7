/**
 * The per-layer quantities: the one place that names, explains and formats them for the journal,
 * the dashboard, the report, the CLI's tables and `docs/metrics.md`.
 */
export interface QuantityDescription {
  /** Short, for axes and table heads. */
  readonly label: string;
  readonly summary: string;
  /** The space a number lives in, or why it has none. */
  readonly space: string;
  /** Whether it survives (B, A) -> (B R^-1, R A). */
  readonly gaugeInvariant: boolean;
  /** `step`: free with each step; `probe`: costs extra passes. */
  readonly when: 'step' | 'probe';
  readonly cost: string;
  /** As it is computed, where the summary does not say it. */
  readonly formula?: string;
  /** Page below `docs/` that explains it. */
  readonly docs?: string;
  /** Colour scale of the heat map: diverging quantities are centred on 0. */
  readonly scale: 'sequential' | 'diverging';
}

const THEOREM2 = 'two gradients of the probe batch for all of Theorem 2';
const GRAMS = 'r x r Grams of the step, under 3 % of it';

export const QUANTITIES = {
  sharpness: {
    label: 'sharpness',
    summary: 'Loss rise of one ascent step of length ρ in this module alone, on the probe batch.',
    space: 'row space of A: W + X Q_Aᵀ, ‖X‖ = ρ',
    gaugeInvariant: true,
    when: 'probe',
    cost: 'one gradient for all modules, one forward pass each',
    scale: 'diverging',
  },
  balancedness: {
    label: 'balancedness 𝔅',
    summary: '½(‖B‖² − ‖A‖²), signed; the paper plots 2|𝔅| (Theorem 1, Fig. 4).',
    space: '(A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'diverging',
    docs: 'theorem1.md',
  },
  balancednessRate: {
    label: 'd𝔅/dt = ⟨E, g̃_B⟩',
    summary: 'Rate of the balancedness under gradient flow, exact for any rank.',
    space: 'B coordinates, at the perturbed point',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'diverging',
    docs: 'theorem1.md',
  },
  measuredRate: {
    label: 'measured Δ𝔅/η',
    summary: 'Change of the balancedness over the step, divided by the learning rate.',
    formula: '(𝔅_{t+1} − 𝔅_t) / η_t',
    space: '(A, B), gauge-dependent; with any optimizer',
    gaugeInvariant: false,
    when: 'step',
    cost: 'two passes over A and B on the device',
    scale: 'diverging',
    docs: 'theorem1.md',
  },
  correctedRate: {
    label: 'corrected Δ𝔅/η',
    summary:
      'The measured rate without what the step size and the decay add: equals d𝔅/dt up to rounding. Only for SGD without momentum; none with Adam.',
    formula: '[𝔅_{t+1} − (1−ηλ)²𝔅_t − ½η²c²(‖g̃_B‖² − ‖g̃_A‖²)] / (cη(1−ηλ)), c: clipping factor',
    space: '(A, B); not applicable to Adam',
    gaugeInvariant: false,
    when: 'step',
    cost: 'two passes over A and B on the device',
    scale: 'diverging',
    docs: 'theorem1.md',
  },
  boundPaper: {
    label: 'bound 1 (paper)',
    summary: 'ρ‖g̃_B‖ / (s‖A‖), Eq. 17 as printed; too small by up to √r.',
    space: 'B coordinates; not applicable to Adam',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
    docs: 'theorem1.md',
  },
  boundSigmaMin: {
    label: 'bound 2 (σ_min)',
    summary: 'ρ‖g̃_B‖ / (s σ_min(A)), the corrected bound.',
    space: 'B coordinates; not applicable to Adam',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
    docs: 'theorem1.md',
  },
  boundTight: {
    label: 'bound 3 (tight)',
    summary: '(ρ_use / s)‖g̃_B K_A^(−½)‖ with the radius at use s‖ÊA‖; never exceeded.',
    space: 'row space of A; not applicable to Adam',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
    docs: 'theorem1.md',
  },
  normE: {
    label: '‖E_B‖',
    summary: 'Norm of the perturbation computed at this step.',
    space: 'B coordinates, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  normEhat: {
    label: '‖Ê_B‖',
    summary: 'Norm of the perturbation that was applied at this step.',
    space: 'B coordinates, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  rhoEffRatio: {
    label: 'ρ_eff / ρ',
    summary: 'Share of the radius that s E_B A really has: s‖E_B A‖ / ρ_t.',
    space: 'W',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  rhoUse: {
    label: 'ρ at use',
    summary: 'Radius s‖Ê A‖ of the applied perturbation with the A it met.',
    space: 'W',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  emaCosine: {
    label: 'cos(E_t, Ê_{t−1})',
    summary: 'Alignment of the new perturbation with the average that was applied.',
    space: 'B coordinates, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'diverging',
  },
  kappaA: {
    label: 'κ(A)',
    summary: 'Condition number of A.',
    space: 'A, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  kappaB: {
    label: 'κ(B)',
    summary: 'Condition number of B; none while B = 0.',
    space: 'B, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  normA: {
    label: '‖A‖',
    summary: 'Frobenius norm of lora_A.',
    space: 'A, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  normB: {
    label: '‖B‖',
    summary: 'Frobenius norm of lora_B.',
    space: 'B, gauge-dependent',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  normDeltaW: {
    label: '‖ΔW‖',
    summary: 'Norm of the update s B A.',
    space: 'W',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  tangentGradient: {
    label: 'tangent gradient',
    summary: 'Norm of the full gradient projected on what (A, B) can reach: √(a+b−c)/s.',
    space: 'W, tangent space',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  perturbationCosine: {
    label: 'cos(Ê, E^SAM)',
    summary: 'Alignment of the average with the perturbation of the clean probe gradient.',
    formula: '⟨Ê, E^SAM⟩ / (‖Ê‖ ‖E^SAM‖)',
    space: 'B coordinates, gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: THEOREM2,
    scale: 'diverging',
    docs: 'theorem2.md',
  },
  perturbationRatio: {
    label: '‖Ê‖ / ‖E^SAM‖',
    summary: 'How much averaging has shortened the perturbation of this module.',
    formula: '‖Ê_{t−1}‖ / ‖E^SAM‖',
    space: 'B coordinates, gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: THEOREM2,
    scale: 'sequential',
    docs: 'theorem2.md',
  },
  gradientTop1: {
    label: 'gradient in top 1 %',
    summary:
      'Share of the module’s absolute gradient sum that its largest 1 % of coordinates carry.',
    formula: 'Σ_top |g_i| / Σ |g_i|, top: the max(1, ⌊0.01 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
  gradientTop5: {
    label: 'gradient in top 5 %',
    summary:
      'Share of the module’s absolute gradient sum that its largest 5 % of coordinates carry.',
    formula: 'Σ_top |g_i| / Σ |g_i|, top: the max(1, ⌊0.05 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
  gradientTop10: {
    label: 'gradient in top 10 %',
    summary:
      'Share of the module’s absolute gradient sum that its largest 10 % of coordinates carry.',
    formula: 'Σ_top |g_i| / Σ |g_i|, top: the max(1, ⌊0.1 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
  sharpnessTop1: {
    label: 'sharpness in top 1 %',
    summary:
      'Share of the module’s first-order sharpness ρ‖g‖ that its largest 1 % of coordinates carry.',
    formula: 'Σ_top g_i² / Σ g_i², top: the max(1, ⌊0.01 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
  sharpnessTop5: {
    label: 'sharpness in top 5 %',
    summary:
      'Share of the module’s first-order sharpness ρ‖g‖ that its largest 5 % of coordinates carry.',
    formula: 'Σ_top g_i² / Σ g_i², top: the max(1, ⌊0.05 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
  sharpnessTop10: {
    label: 'sharpness in top 10 %',
    summary:
      'Share of the module’s first-order sharpness ρ‖g‖ that its largest 10 % of coordinates carry.',
    formula: 'Σ_top g_i² / Σ g_i², top: the max(1, ⌊0.1 n⌋) largest |g_i| of the n in A and B',
    space: 'coordinates of (A, B), gauge-dependent',
    gaugeInvariant: false,
    when: 'probe',
    cost: 'none: the gradient of the probe',
    scale: 'sequential',
    docs: 'gradient-shares.md',
  },
} as const satisfies Record<string, QuantityDescription>;

export type QuantityKey = keyof typeof QUANTITIES;

export const QUANTITY_KEYS = Object.keys(QUANTITIES) as [QuantityKey, ...QuantityKey[]];

/** Values by quantity, one per adapted module in the order of `run.json`; NaN: not applicable. */
export type LayerValues = Partial<Record<QuantityKey, readonly number[]>>;
