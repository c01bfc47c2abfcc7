/** What the config, the docs and the dashboard say of a training method; the engine implements each. */
export interface MethodDescription {
  readonly title: string;
  /** One sentence for hovers and docs. */
  readonly summary: string;
  /** Forward-backward passes per optimizer step. */
  readonly passes: 1 | 2;
  /** Whether the method perturbs weights, and so reads `rho`. */
  readonly perturbs: boolean;
  readonly source: string;
}

/**
 * Every method by its config name. A new one is a line here and a file in `src/engine/methods`;
 * the engine's registry is keyed by `MethodName`, so the compiler asks for the second.
 */
export const METHODS = {
  lora: {
    title: 'LoRA',
    summary: 'Plain low-rank adaptation: one pass, no perturbation.',
    passes: 1,
    perturbs: false,
    source: 'arXiv 2106.09685; arXiv 2508.00522, Eq. 6',
  },
  fmlora: {
    title: 'FMLoRA',
    summary:
      'Sharpness-aware LoRA whose perturbation of W is mapped onto B: two passes over each batch.',
    passes: 2,
    perturbs: true,
    source: 'arXiv 2508.00522, Eqs. 9-15',
  },
  efmlora: {
    title: 'EFMLoRA',
    summary:
      'FMLoRA in one pass: an exponential moving average of past perturbations stands in for the first pass.',
    passes: 1,
    perturbs: true,
    source: 'arXiv 2508.00522, Eq. 18, Algorithm 2',
  },
} as const satisfies Record<string, MethodDescription>;

export type MethodName = keyof typeof METHODS;

export const METHOD_NAMES = Object.keys(METHODS) as [MethodName, ...MethodName[]];
