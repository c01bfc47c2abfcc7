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
  /** Colour scale of the heat map: diverging quantities are centred on 0. */
  readonly scale: 'sequential' | 'diverging';
}

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
  },
  balancednessRate: {
    label: 'd𝔅/dt = ⟨E, g̃_B⟩',
    summary: 'Rate of the balancedness under gradient flow, exact for any rank.',
    space: 'B coordinates, at the perturbed point',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'diverging',
  },
  boundPaper: {
    label: 'bound 1 (paper)',
    summary: 'ρ‖g̃_B‖ / (s‖A‖), Eq. 17 as printed; too small by up to √r.',
    space: 'B coordinates; not applicable to Adam',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  boundSigmaMin: {
    label: 'bound 2 (σ_min)',
    summary: 'ρ‖g̃_B‖ / (s σ_min(A)), the corrected bound.',
    space: 'B coordinates; not applicable to Adam',
    gaugeInvariant: false,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
  },
  boundTight: {
    label: 'bound 3 (tight)',
    summary: '(ρ_use / s)‖g̃_B K_A^(−½)‖ with the radius at use s‖ÊA‖; never exceeded.',
    space: 'row space of A; not applicable to Adam',
    gaugeInvariant: true,
    when: 'step',
    cost: GRAMS,
    scale: 'sequential',
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
} as const satisfies Record<string, QuantityDescription>;

export type QuantityKey = keyof typeof QUANTITIES;

export const QUANTITY_KEYS = Object.keys(QUANTITIES) as [QuantityKey, ...QuantityKey[]];

/** Values by quantity, one per adapted module in the order of `run.json`; NaN: not applicable. */
export type LayerValues = Partial<Record<QuantityKey, readonly number[]>>;
