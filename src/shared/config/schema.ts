import * as z from 'zod';
import { ADAPTER_TYPES } from '../adapters';
import { BACKEND_NAMES } from '../backends';
import { methodSchema } from './method-schema';

/**
 * The one definition of a `*.flatscape.yaml|yml|json` file. Types, validation, JSON Schema, hovers,
 * completions and `docs/config.md` are all read from it. Keys that PEFT or transformers also have
 * carry their names. `meta().suggest` marks a key whose values the editor completes by itself.
 */
const isUnique = (names: readonly string[]) => new Set(names).size === names.length;
const positiveInt = () => z.int().min(1);

const modelSchema = z
  .strictObject({
    name_or_path: z
      .string()
      .min(1)
      .meta({
        description:
          'A local model directory (relative to this file) or a hub id such as `org/name`. A hub id is looked up in the local hub cache first and downloaded only when absent.',
        examples: ['./model', 'sentence-transformers/all-MiniLM-L6-v2'],
      }),
    revision: z.string().min(1).default('main').meta({
      description: 'Branch, tag or full commit of a hub model. Ignored for a directory.',
    }),
  })
  .meta({ description: 'The pretrained model whose weights stay frozen.' });

const taskSchema = z
  .strictObject({
    type: z
      .enum(['text-classification'])
      .default('text-classification')
      .meta({ description: 'What is learnt: one label for each text or pair of texts.' }),
    train: z.string().min(1).meta({
      description: 'Training file: `.jsonl`, `.csv`, `.tsv` or `.parquet`, relative to this file.',
    }),
    eval: z.string().min(1).optional().meta({
      description: 'Evaluation file. Without it there is no metric, only losses.',
    }),
    text: z
      .string()
      .min(1)
      .default('text')
      .meta({ description: 'Column of the text (the first of a pair).' }),
    text_pair: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'Column of the second text, for sentence pairs.' }),
    label: z
      .string()
      .min(1)
      .default('label')
      .meta({ description: 'Column of the label: a label name, or its index in `labels`.' }),
    labels: z.array(z.string().min(1)).min(2).refine(isUnique, 'each label once').optional().meta({
      description:
        'Label names in class order. Without it: the names found in the training file, sorted.',
    }),
    columns: z.array(z.string().min(1)).min(1).optional().meta({
      description: 'Column names of a CSV or TSV file that has no header line.',
    }),
  })
  .meta({ description: 'The data and what to predict from it.' });

const adapterSchema = z
  .strictObject({
    type: z.enum(ADAPTER_TYPES).default('lora').meta({
      description:
        'What is trained: `lora`, low-rank updates BA; `adapter`, bottleneck layers after the sublayers (Houlsby, AdapterL); `full`, every tensor of the model; `head`, the classifier alone. The head is always trained.',
    }),
    r: positiveInt().max(1024).default(8).meta({ description: 'Rank of the update BA.' }),
    lora_alpha: z
      .number()
      .positive()
      .default(16)
      .meta({ description: 'The update is scaled by s = lora_alpha / r.' }),
    lora_dropout: z.number().min(0).max(0.99).default(0).meta({
      description: 'Probability of dropping an input of the LoRA branch while training.',
    }),
    use_rslora: z.boolean().default(false).meta({
      description: 'Rank-stabilised scaling: s = lora_alpha / sqrt(r).',
    }),
    use_dora: z.boolean().default(false).meta({
      description:
        '`lora`: DoRA, a trained magnitude for each output row, W = m (W0 + sBA) / ‖W0 + sBA‖.',
    }),
    target_modules: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .meta({
        description:
          "Modules that get an adapter, by PEFT's rules: a list of names or path endings, a regular expression over the full path, or `all-linear`. Without it: PEFT's default for the model (BERT, RoBERTa: query and value).",
        examples: [['query', 'value'], 'all-linear'],
        suggest: 'modules',
      }),
    exclude_modules: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .meta({ description: 'Modules left out of `target_modules`, by the same rules.' }),
    modules_to_save: z.array(z.string().min(1)).optional().meta({
      description:
        'Modules trained fully and saved with the adapter. The classification head always is.',
    }),
    init_lora_weights: z
      .union([
        z.literal(true),
        z.enum(['gaussian', 'pissa', 'olora']),
        z.string().regex(/^pissa_niter_\d+$/, 'expected `pissa_niter_` and a number'),
      ])
      .default(true)
      .meta({
        description:
          '`true`: A uniform in ±1/sqrt(in), B = 0, as PEFT does; `gaussian`: A normal with standard deviation 1/r, B = 0; `pissa`: the r leading singular directions of the weight, `pissa_niter_4` the same by 4 randomised iterations, which is faster; `olora`: the first r columns of its QR decomposition. The last three leave the rest of the weight in the base; checkpoints hold the difference, as a plain adapter of rank 2r.',
      }),
    size: positiveInt().max(4096).default(16).meta({
      description: '`adapter`: width of the bottleneck.',
    }),
    activation: z
      .enum(['relu', 'gelu', 'gelu_new', 'swish'])
      .default('relu')
      .meta({ description: '`adapter`: nonlinearity of the bottleneck.' }),
    position: z.enum(['both', 'ffn']).default('both').meta({
      description:
        '`adapter`: `both`, after the attention output and the feed-forward output, before the residual sum (Houlsby); `ffn`, after the feed-forward sublayer only, on its layer-normed sum (Pfeiffer, AdapterL).',
    }),
    init_from: z.string().min(1).optional().meta({
      description:
        'Directory of a saved adapter to start from (relative to this file) instead of a fresh one. Not for `full`: name its checkpoint in `model.name_or_path`.',
    }),
  })
  .prefault({})
  .meta({ description: "What is trained; low-rank adapters in PEFT's terms." });

const optimizerSchema = z
  .strictObject({
    name: z.enum(['adamw', 'sgd']).default('adamw').meta({ description: 'The optimizer.' }),
    lr: z.number().positive().max(100).default(3e-4).meta({ description: 'Peak learning rate η.' }),
    weight_decay: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .meta({ description: 'Decoupled weight decay λ: w ← (1 − ηλ) w before the update.' }),
    betas: z
      .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
      .default([0.9, 0.999])
      .meta({ description: 'AdamW: decay of the first and second moments.' }),
    eps: z.number().gt(0).default(1e-8).meta({ description: 'AdamW: added to the denominator.' }),
    momentum: z.number().min(0).lt(1).default(0).meta({ description: 'SGD: momentum.' }),
    loraplus_lr_ratio: z.number().positive().max(1000).default(1).meta({
      description:
        "LoRA+: the learning rate of B as a multiple of `lr`; as in PEFT's LoRA+ also that of biases and other vectors. 1 is plain LoRA; the paper takes 16.",
    }),
    lorafa: z.boolean().default(false).meta({
      description:
        'LoRA-FA: A stays as it starts, and the gradient of B is multiplied by (A Aᵀ)⁻¹/s² before the optimizer sees it.',
    }),
  })
  .prefault({})
  .meta({ description: 'How gradients become updates.' });

const scheduleSchema = z
  .strictObject({
    name: z
      .enum(['linear', 'cosine', 'constant'])
      .default('linear')
      .meta({ description: 'Learning rate after warm-up: falling to 0, or constant.' }),
    warmup_ratio: z
      .number()
      .min(0)
      .max(1)
      .default(0.06)
      .meta({ description: 'Fraction of all steps spent rising from 0 to `lr`.' }),
    warmup_steps: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Steps of warm-up; overrides `warmup_ratio`.' }),
  })
  .prefault({})
  .meta({ description: 'The learning-rate schedule.' });

const trainSchema = z
  .strictObject({
    epochs: z.number().positive().default(3).meta({ description: 'Passes over the data.' }),
    steps: positiveInt().optional().meta({ description: 'Optimizer steps; overrides `epochs`.' }),
    batch_size: positiveInt().default(16).meta({ description: 'Examples per forward pass.' }),
    gradient_accumulation_steps: positiveInt()
      .default(1)
      .meta({ description: 'Forward passes per optimizer step.' }),
    max_length: z.int().min(4).default(128).meta({
      description: 'Longest sequence in tokens; longer ones are cut, the longer text first.',
    }),
    max_grad_norm: z.number().min(0).default(1).meta({
      description:
        'The update gradient is clipped to this norm; 0 is never. The perturbation sees it unclipped.',
    }),
    seed: z.int().min(0).max(0xffffffff).default(42).meta({
      description: 'Seeds the new weights, the order of the data and dropout.',
    }),
    shuffle: z.boolean().default(true).meta({ description: 'Whether to shuffle in every epoch.' }),
    group_by_length: z.boolean().default(false).meta({
      description:
        'Whether to put examples of about one length into one batch, which saves padding; after the shuffle, 50 steps at a time, the longest first.',
    }),
    eval_every: z.int().min(0).default(0).meta({
      description: 'Steps between evaluations; 0 is once per epoch and at the end.',
    }),
    eval_batch_size: positiveInt()
      .default(32)
      .meta({ description: 'Examples per evaluation pass.' }),
  })
  .prefault({})
  .meta({ description: 'How long and in which batches.' });

const probeSchema = z
  .strictObject({
    every: z.int().min(0).default(20).meta({
      description: 'Steps between probes of the sharpness; 0 is never.',
    }),
    examples: positiveInt().default(32).meta({
      description: 'Size of the fixed probe batch: the first examples after a seeded shuffle.',
    }),
    source: z
      .enum(['train', 'eval'])
      .default('train')
      .meta({ description: 'The file that the probe batch is taken from.' }),
    rho: z.number().gt(0).max(100).optional().meta({
      description:
        'Radius of the measured sharpness. Without it: `method.rho`, or 0.05 if that is 0.',
    }),
    sharpness: z.enum(['layers', 'all', 'none']).default('layers').meta({
      description:
        '`layers`: one more forward pass for each adapted module, and one for all together; `all`: only the latter.',
    }),
    theorem2: z.boolean().default(true).meta({
      description:
        'EFMLoRA: whether to compare the moving average with the perturbation it stands in for (Theorem 2); two more gradients for each probe.',
    }),
    sigma_batches: z.int().min(0).max(256).default(0).meta({
      description:
        'Theorem 2: training batches whose gradients are compared at each probe for its constant σ, one gradient each; 8 or more make sense. 0: neither σ nor the bound.',
    }),
    step_metrics: z.boolean().default(true).meta({
      description: 'Whether the cheap per-layer quantities are recorded at every step.',
    }),
  })
  .prefault({})
  .meta({ description: 'What is measured per layer, and when.' });

const checkpointSchema = z
  .strictObject({
    every: z.int().min(0).default(100).meta({
      description: 'Steps between checkpoints; 0 is only at the end.',
    }),
    keep: positiveInt().default(3).meta({
      description: 'Checkpoints kept; older ones are deleted after a newer one is safe.',
    }),
  })
  .prefault({})
  .meta({ description: 'When the adapter and the training state are saved.' });

const outputSchema = z
  .strictObject({
    dir: z.string().min(1).default('.flatscape/runs').meta({
      description: 'Folder of the run directories, relative to this file.',
    }),
    name: z
      .string()
      .regex(/^[\w-][\w.-]*$/, 'only letters, digits, dot, dash and underscore; no dot first')
      .optional()
      .meta({ description: "Name of the run. Without it: this file's name." }),
  })
  .prefault({})
  .meta({ description: 'Where runs are kept.' });

const runtimeSchema = z
  .strictObject({
    backend: z
      .enum(['auto', ...BACKEND_NAMES])
      .default('auto')
      .meta({ description: 'What computes; `auto` takes the fastest that passes its self-test.' }),
  })
  .prefault({})
  .meta({ description: 'How the engine runs.' });

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().meta({ description: 'For editors of JSON files. Ignored.' }),
    model: modelSchema,
    task: taskSchema,
    adapter: adapterSchema,
    method: methodSchema,
    optimizer: optimizerSchema,
    schedule: scheduleSchema,
    train: trainSchema,
    probe: probeSchema,
    checkpoint: checkpointSchema,
    output: outputSchema,
    runtime: runtimeSchema,
  })
  .meta({ title: 'Flatscape configuration', description: 'One fine-tuning run.' });

/** A config with every default filled in, as `run.json` keeps it. */
export type Config = z.output<typeof configSchema>;

/** A config as written by a person. */
export type ConfigInput = z.input<typeof configSchema>;
