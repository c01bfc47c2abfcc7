/** What the config, the docs and the dashboard say of a training method; the engine implements each. */
export interface MethodDescription {
  readonly title: string;
  /** One sentence for hovers and docs. */
  readonly summary: string;
  /** Forward-backward passes per optimizer step; the mean where steps differ. */
  readonly passes: number;
  /** How `passes` is said where it is no constant, e.g. `1 + 1/k`. */
  readonly passesText?: string;
  /** Whether the method perturbs weights by a radius, and so reads `rho`. */
  readonly perturbs: boolean;
  /** The training loss that is shown is one at perturbed weights: there is no pass at clean ones. */
  readonly perturbedLoss?: true;
  /** `lora`: works on pairs (A, B) alone; `any`: on every adapter. */
  readonly needs: 'lora' | 'any';
  /** It adds to W itself, which DoRA would normalise. */
  readonly addsToW?: true;
  /** What a checkpoint keeps for it beside the optimizer's moments. */
  readonly state: string;
  /** What it holds in memory beyond plain training; P is the size of what is perturbed. */
  readonly memory: string;
  /** The key of `method` whose 0 makes it plain training, bit for bit. */
  readonly strength?: 'rho' | 'sigma' | 'bar_mu';
  /** Further keys of `method` that it reads; setting another one is pointed out. */
  readonly reads: readonly string[];
  /** Where its published settings differ from the defaults of the schema. */
  readonly defaults?: Readonly<Record<string, string | number>>;
  readonly source: string;
}

const RADIUS = ['rho', 'rho_schedule', 'rho_final', 'rho_unit'];
const ASCENT = [...RADIUS, 'perturb_head', 'rng'];
const IN_W = [
  ...RADIUS,
  ...['rho_scope', 'grad_estimator', 'radius_correction', 'perturb_target', 'perturb_sign'],
];
const CONSTANT = { rho_schedule: 'constant' } as const;

/**
 * Every method by its config name. A new one is a line here and a file in `src/engine/methods`;
 * the engine's registry is keyed by `MethodName`, so the compiler asks for the second.
 */
const TABLE = {
  none: {
    title: 'Plain training',
    summary: 'Plain training of whatever adapter: one pass, no perturbation.',
    passes: 1,
    perturbs: false,
    needs: 'any',
    state: 'none',
    memory: 'none',
    reads: [],
    source: 'arXiv 2508.00522, Eq. 6',
  },
  lora: {
    title: 'LoRA',
    summary: 'The same as `none`, under the name it has with low-rank pairs.',
    passes: 1,
    perturbs: false,
    needs: 'any',
    state: 'none',
    memory: 'none',
    reads: [],
    source: 'arXiv 2106.09685; arXiv 2508.00522, Eq. 6',
  },
  sam: {
    title: 'LoRA-SAM',
    summary:
      'Sharpness-aware minimisation in the trained coordinates: ascend along the gradient of A and B, descend with the gradient found there.',
    passes: 2,
    perturbs: true,
    needs: 'any',
    state: 'none',
    memory: '2 P (perturbation, perturbed copy)',
    strength: 'rho',
    reads: [...ASCENT, 'accum', 'ball'],
    defaults: CONSTANT,
    source: 'arXiv 2010.01412; arXiv 2410.14802; arXiv 2508.00522, Eqs. 2-5 and 7',
  },
  obar: {
    title: 'oBAR',
    summary:
      'Balancedness-aware regularisation: shrinks the larger of A and B and grows the other before each step.',
    passes: 1,
    perturbs: false,
    needs: 'lora',
    state: 'none',
    memory: 'none',
    strength: 'bar_mu',
    reads: ['bar_mu', 'bar_schedule'],
    source: 'arXiv 2410.14802',
  },
  nbar: {
    title: 'nBAR',
    summary:
      'Balancedness-aware regularisation by gradient norms: grows the factor with the larger gradient and shrinks the other.',
    passes: 1,
    perturbs: false,
    needs: 'lora',
    state: 'none',
    memory: 'none',
    strength: 'bar_mu',
    reads: ['bar_mu', 'bar_schedule'],
    source: 'arXiv 2410.14802',
  },
  'flat-lora': {
    title: 'Flat-LoRA',
    summary:
      'Trains under Gaussian noise on the whole weight W0 + sBA, scaled to the norm of each output row.',
    passes: 1,
    perturbs: false,
    perturbedLoss: true,
    needs: 'lora',
    addsToW: true,
    state: 'none',
    memory: 'nm per adapted module (the noise of one step)',
    strength: 'sigma',
    reads: ['sigma', 'sigma_schedule'],
    source: 'arXiv 2409.14396',
  },
  fmlora: {
    title: 'FMLoRA',
    summary:
      'Sharpness-aware LoRA whose perturbation of W is mapped onto B: two passes over each batch.',
    passes: 2,
    perturbs: true,
    needs: 'lora',
    state: 'none',
    memory: '2 nr per module (E_B, B + E_B)',
    strength: 'rho',
    reads: [...IN_W, 'tau_a', 'tau_b', 'gram_dtype', 'rng', 'accum'],
    source: 'arXiv 2508.00522, Eqs. 9-15',
  },
  efmlora: {
    title: 'EFMLoRA',
    summary:
      'FMLoRA in one pass: an exponential moving average of past perturbations stands in for the first pass.',
    passes: 1,
    perturbs: true,
    perturbedLoss: true,
    needs: 'lora',
    state: 'Ê, nr per module',
    memory: '3 nr per module (Ê, E_B, B + Ê)',
    strength: 'rho',
    reads: [
      ...[...IN_W, 'tau_a', 'tau_b', 'gram_dtype'],
      ...['beta', 'ema_convention', 'ema_init', 'ema_renormalize'],
    ],
    source: 'arXiv 2508.00522, Eq. 18, Algorithm 2',
  },
  flatpo: {
    title: 'FlatPO',
    summary:
      'SAM that perturbs only the sharpest few: the tensors, modules, rank components or coordinates with the largest score.',
    passes: 2,
    passesText: '2 (4 with the score `hutchinson`)',
    perturbs: true,
    needs: 'any',
    state: 'the choice if it is kept for several steps; EMA of g² with that score',
    memory: '3 P (perturbation, perturbed copy, mask)',
    strength: 'rho',
    reads: [
      ...[...ASCENT, 'flatpo_granularity', 'flatpo_score', 'flatpo_scope', 'flatpo_fraction'],
      ...['flatpo_choice', 'flatpo_refresh_every', 'flatpo_denominator', 'flatpo_adaptive'],
      ...['flatpo_ema', 'flatpo_modules'],
    ],
    defaults: CONSTANT,
    source: 'arXiv 2606.10488',
  },
  asam: {
    title: 'ASAM',
    summary:
      'SAM in a ball that is scaled by |w|: the perturbation does not change with the scale.',
    passes: 2,
    perturbs: true,
    needs: 'any',
    state: 'none',
    memory: '2 P (perturbation, perturbed copy)',
    strength: 'rho',
    reads: [...ASCENT, 'accum', 'asam_eta'],
    defaults: { rho: 0.5, ...CONSTANT },
    source: 'arXiv 2102.11600',
  },
  'f-sam': {
    title: 'F-SAM',
    summary: 'SAM along what is new in the gradient: its moving average is taken off first.',
    passes: 2,
    perturbs: true,
    needs: 'any',
    state: 'EMA of the gradient, P',
    memory: '3 P (average, perturbation, perturbed copy)',
    strength: 'rho',
    reads: [...ASCENT, 'fsam_sigma', 'fsam_lambda'],
    defaults: CONSTANT,
    source: 'arXiv 2403.12350',
  },
  gsam: {
    title: 'GSAM',
    summary:
      'SAM that also descends the surrogate gap: takes off the part of the clean gradient across the perturbed one.',
    passes: 2,
    perturbs: true,
    needs: 'any',
    state: 'none',
    memory: '2 P and the clean gradient',
    strength: 'rho',
    reads: [...ASCENT, 'accum', 'gsam_alpha'],
    defaults: { rho_schedule: 'lr_proportional' },
    source: 'arXiv 2203.08065',
  },
  looksam: {
    title: 'LookSAM',
    summary:
      'SAM on every k-th step; in between, the part of its gradient across the plain one is used again.',
    passes: 1.2,
    passesText: '1 + 1/k',
    perturbs: true,
    needs: 'any',
    state: 'g_v, the size of all that is trained',
    memory: '2 P and g_v',
    strength: 'rho',
    reads: [...ASCENT, 'looksam_k', 'looksam_alpha'],
    defaults: CONSTANT,
    source: 'arXiv 2203.02714',
  },
  gam: {
    title: 'GAM',
    summary: 'Gradient-norm aware minimisation: also lowers the norm of the gradient nearby.',
    passes: 4,
    perturbs: true,
    needs: 'any',
    state: 'none',
    memory: '2 P and four gradients',
    strength: 'rho',
    reads: [...ASCENT, 'accum', 'gam_rho_prime', 'gam_gamma', 'gam_beta_1', 'gam_beta_2'],
    defaults: { rho: 0.2, ...CONSTANT },
    source: 'arXiv 2303.03108',
  },
  esam: {
    title: 'ESAM',
    summary:
      'Cheaper SAM: perturbs a random part of the tensors, and descends on the examples whose loss rises most.',
    passes: 2,
    passesText: '1 + γ, and two forward passes',
    perturbs: true,
    needs: 'any',
    state: 'none',
    memory: '2 P (perturbation, perturbed copy)',
    strength: 'rho',
    reads: [...ASCENT, 'esam_beta', 'esam_gamma'],
    defaults: CONSTANT,
    source: 'arXiv 2110.03141',
  },
  'bi-lora': {
    title: 'Bi-LoRA',
    summary:
      'A second pair per module ascends while the first descends, in one pass; it is dropped afterwards.',
    passes: 1,
    perturbs: true,
    perturbedLoss: true,
    needs: 'lora',
    addsToW: true,
    state: 'the second pair, r₂(n + m) per module',
    memory: 'the second pair and its gradient',
    strength: 'rho',
    reads: [...RADIUS, 'bi_lora_r'],
    defaults: CONSTANT,
    source: 'arXiv 2508.19564',
  },
} as const satisfies Record<string, MethodDescription>;

export type MethodName = keyof typeof TABLE;

export const METHODS: Readonly<Record<MethodName, MethodDescription>> = TABLE;

export const METHOD_NAMES = Object.keys(METHODS) as [MethodName, ...MethodName[]];

/** Passes per step as text, e.g. `2` or `1 + 1/k`. */
export function passesText({ passes, passesText: text }: MethodDescription): string {
  return text ?? String(passes);
}
