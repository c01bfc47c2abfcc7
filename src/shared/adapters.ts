/** What the config, the docs and the dashboard say of an adapter; the engine implements each. */
export interface AdapterDescription {
  readonly title: string;
  /** One sentence for hovers and docs. */
  readonly summary: string;
  /** Keys of the config's section `adapter` that it reads, beside `type` and `init_from`. */
  readonly reads: readonly string[];
  /** Whether it trains pairs (A, B), which the low-rank methods and Theorem 1 are about. */
  readonly hasPairs: boolean;
  readonly source: string;
}

/**
 * Every adapter by its config name. A new one is a line here and a file in `src/engine/adapters`;
 * the engine's registry is keyed by `AdapterType`, so the compiler asks for the second.
 */
export const ADAPTERS = {
  lora: {
    title: 'LoRA',
    summary: 'A low-rank update sBA of each target; also DoRA, PiSSA, OLoRA, LoRA+ and LoRA-FA.',
    reads: [
      'r',
      'lora_alpha',
      'lora_dropout',
      'use_rslora',
      'use_dora',
      'target_modules',
      'exclude_modules',
      'modules_to_save',
      'init_lora_weights',
    ],
    hasPairs: true,
    source: 'arXiv 2106.09685; DoRA 2402.09353; PiSSA 2404.02948; OLoRA 2406.01775',
  },
  adapter: {
    title: 'Bottleneck adapter',
    summary: 'h + W_up f(W_down h + b_down) + b_up after the sublayers of each block.',
    reads: ['size', 'activation', 'position', 'modules_to_save'],
    hasPairs: false,
    source: 'Houlsby et al. 2019, arXiv 1902.00751; Pfeiffer et al. 2020',
  },
  full: {
    title: 'Full fine-tuning',
    summary: 'Every tensor of the model.',
    reads: [],
    hasPairs: false,
    source: 'arXiv 1810.04805',
  },
  head: {
    title: 'Head only',
    summary: 'The classifier on top of the frozen model, and what `modules_to_save` lists.',
    reads: ['modules_to_save'],
    hasPairs: false,
    source: 'linear probing',
  },
} as const satisfies Record<string, AdapterDescription>;

export type AdapterType = keyof typeof ADAPTERS;

export const ADAPTER_TYPES = Object.keys(ADAPTERS) as [AdapterType, ...AdapterType[]];
