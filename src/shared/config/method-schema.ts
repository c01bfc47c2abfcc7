import * as z from 'zod';
import { METHOD_NAMES, METHODS, type MethodName } from '../methods';

/** `| fmlora, efmlora:` before the description of a key that only some methods read. */
const only = (methods: string, text: string) => ({ description: `${methods}: ${text}` });

const fields = z.strictObject({
  name: z.enum(METHOD_NAMES).default('efmlora').meta({ description: 'The training method.' }),
  rho: z.number().min(0).max(100).default(0.05).meta({
    description:
      'Radius ρ of the perturbation: in the Frobenius norm of W for fmlora, efmlora and bi-lora, of the trained coordinates else. 0 is plain training, bit for bit. Default 0.5 for asam, 0.2 for gam.',
  }),
  rho_schedule: z
    .enum(['constant', 'cosine', 'linear', 'inv_sqrt', 'lr_proportional'])
    .default('cosine')
    .meta({
      description:
        'How ρ_t moves: `cosine` and `linear` fall from ρ to `rho_final`·ρ, `inv_sqrt` is ρ/√t (Theorem 2), `lr_proportional` follows the learning rate. Default `cosine` for fmlora and efmlora, `lr_proportional` for gsam, `constant` else.',
    }),
  rho_final: z.number().min(0).max(1).default(0.2).meta({
    description: 'Fraction of ρ left at the end of `cosine` and `linear`.',
  }),
  rho_unit: z
    .enum(['step', 'epoch'])
    .default('step')
    .meta({ description: 'What t counts in `rho_schedule`.' }),
  rho_scope: z
    .enum(['per_layer', 'global'])
    .default('per_layer')
    .meta(
      only(
        'fmlora, efmlora',
        'one ball of radius ρ for each adapted module, or one for all together.',
      ),
    ),
  grad_estimator: z
    .enum(['paper_mean', 'A_only', 'joint_minnorm'])
    .default('paper_mean')
    .meta(
      only(
        'fmlora, efmlora',
        'estimate of the full gradient from those of A and B: the mean of Eqs. 10 and 11 (Eq. 12), Eq. 10 alone (its perturbation keeps the whole radius ρ), or the joint solution of least norm.',
      ),
    ),
  radius_correction: z
    .enum(['none', 'exact'])
    .default('none')
    .meta(only('fmlora, efmlora', '`exact` rescales each perturbation so that s‖E_B A‖ = ρ.')),
  perturb_target: z
    .enum(['B', 'A'])
    .default('B')
    .meta(only('fmlora, efmlora', 'the factor that carries the perturbation.')),
  perturb_sign: z
    .enum(['sam', 'literal'])
    .default('sam')
    .meta(
      only(
        'fmlora, efmlora',
        '`sam`: along Ḡ/‖Ḡ‖, as Eqs. 3 and 16 have it; `literal`: |Ḡ|/‖Ḡ‖, as Eqs. 9 and 13 are printed, which is no ascent direction and forms rows of [n, m].',
      ),
    ),
  beta: z
    .number()
    .gt(0)
    .max(1)
    .default(0.99)
    .meta(only('efmlora', 'weight β of the newest perturbation in the moving average (Eq. 18).')),
  ema_convention: z
    .enum(['paper', 'momentum'])
    .default('paper')
    .meta(
      only(
        'efmlora',
        '`paper`: β weighs the new perturbation; `momentum`: β weighs the old average.',
      ),
    ),
  ema_init: z
    .enum(['first', 'zero'])
    .default('first')
    .meta(only('efmlora', 'Ê₁ = E₁ (Algorithm 2), or an average that starts from 0.')),
  ema_renormalize: z
    .boolean()
    .default(false)
    .meta(only('efmlora', 'rescale the average to radius ρ_t before it is used.')),
  tau_a: z.number().gt(0).lt(1).default(1e-6).meta({
    description: 'Singular values of A below this fraction of the largest are dropped.',
  }),
  tau_b: z.number().gt(0).lt(1).default(1e-4).meta({
    description:
      'Singular values of B below this fraction of the largest are dropped. Part of the result.',
  }),
  gram_dtype: z.enum(['auto', 'float64', 'float32']).default('auto').meta({
    description:
      'Precision of the r × r Grams. With `float32` a module whose κ(A) exceeds 30 or κ(B) 300 is done again in float64. `auto` is `float32` on a backend whose tensors are in a GPU’s memory, `float64` elsewhere.',
  }),
  rng: z
    .enum(['replay', 'resample'])
    .default('replay')
    .meta(
      only(
        'methods of several passes',
        'whether later passes replay the dropout mask of the first.',
      ),
    ),
  accum: z
    .enum(['whole', 'per_micro'])
    .default('whole')
    .meta(
      only(
        'fmlora, sam, asam, gsam, gam',
        'with gradient accumulation, one perturbation for the whole batch, or one for each micro-batch (m-sharpness).',
      ),
    ),
  ball: z
    .enum(['joint', 'separate'])
    .default('joint')
    .meta(
      only(
        'sam',
        'one ball of radius ρ for all A and B together (LoRA-SAM), or one for each of them (Eq. 7).',
      ),
    ),
  perturb_head: z
    .boolean()
    .default(false)
    .meta(
      only(
        'sam and its variants, flatpo',
        'whether the head is perturbed with the adapter. Without an adapter everything is.',
      ),
    ),
  sigma: z
    .number()
    .min(0)
    .max(10)
    .default(0.05)
    .meta(
      only(
        'flat-lora',
        'standard deviation of the noise as a fraction of the norm of an output row, spread over its entries.',
      ),
    ),
  sigma_schedule: z
    .enum(['cosine_rise', 'constant'])
    .default('cosine_rise')
    .meta(only('flat-lora', '`cosine_rise`: times ½(1 − cos(πt/T)), from 0 to 1 over the run.')),
  bar_mu: z
    .number()
    .min(0)
    .max(100)
    .default(0.5)
    .meta(only('obar, nbar', 'μ₀, strength of the regularisation: factors 1 ± α_t η_t, α₁ = μ₀.')),
  bar_schedule: z
    .enum(['linear', 'cosine', 'constant'])
    .default('linear')
    .meta(only('obar, nbar', 'how α_t falls from μ₀ to 0 over the run.')),
  flatpo_granularity: z
    .enum(['tensor', 'module', 'rank', 'coordinate'])
    .default('tensor')
    .meta(
      only(
        'flatpo',
        'what is chosen: whole tensors, modules (A with B), rank components (a row of A with its column of B) or single coordinates.',
      ),
    ),
  flatpo_score: z
    .enum(['norm', 'norm_per_size', 'ema_g2', 'hutchinson'])
    .default('norm')
    .meta(
      only(
        'flatpo',
        'what is ranked: ‖g‖, ‖g‖/√size, the root of a moving average of g², or |diagonal of the Hessian| from one random probe (two more passes).',
      ),
    ),
  flatpo_scope: z
    .enum(['global', 'per_layer'])
    .default('global')
    .meta(only('flatpo', 'choose among all, or within each layer of the transformer.')),
  flatpo_fraction: z
    .number()
    .gt(0)
    .max(1)
    .default(0.05)
    .meta(only('flatpo', 'fraction that is chosen, at least one.')),
  flatpo_choice: z
    .enum(['top', 'random'])
    .default('top')
    .meta(only('flatpo', 'the highest scores, or as many at random (the ablation).')),
  flatpo_refresh_every: z
    .int()
    .min(1)
    .default(1)
    .meta(only('flatpo', 'steps for which a choice is kept.')),
  flatpo_denominator: z
    .enum(['all', 'selected'])
    .default('all')
    .meta(
      only(
        'flatpo',
        'the gradient norm that ρ is divided by: of all that is trained (then ‖ε‖ < ρ), or of what was chosen.',
      ),
    ),
  flatpo_adaptive: z
    .boolean()
    .default(false)
    .meta(only('flatpo', 'scale the perturbation by p², as adaptive SAM does.')),
  flatpo_modules: z
    .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
    .default('all')
    .meta({
      ...only(
        'flatpo',
        'modules whose tensors may be chosen: `all`, or a list of endings of their paths, e.g. `[query]`.',
      ),
      suggest: 'modules',
    }),
  flatpo_ema: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .meta(only('flatpo', 'weight of the old average in `ema_g2`.')),
  asam_eta: z
    .number()
    .min(0)
    .default(0.01)
    .meta(only('asam', 'η in the scale |w| + η; 0 is the adaptive SAM ρw²g/‖|w|g‖.')),
  fsam_sigma: z
    .number()
    .min(0)
    .default(1)
    .meta(only('f-sam', 'σ, how much of the average is taken off; 0 is SAM.')),
  fsam_lambda: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .meta(only('f-sam', 'λ, weight of the old average.')),
  gsam_alpha: z
    .number()
    .min(0)
    .default(0.4)
    .meta(only('gsam', 'α, weight of the part across; 0 is SAM. Published per task.')),
  looksam_k: z
    .int()
    .min(1)
    .default(10)
    .meta(only('looksam', 'k, steps from one SAM step to the next; 1 is SAM.')),
  looksam_alpha: z
    .number()
    .min(0)
    .default(0.7)
    .meta(only('looksam', 'α, weight of the part that is used again.')),
  gam_rho_prime: z
    .number()
    .min(0)
    .default(0.02)
    .meta(only('gam', 'ρ′, radius of the inner ascents; moves with ρ_t.')),
  gam_gamma: z
    .number()
    .min(0)
    .default(0.03)
    .meta(only('gam', 'γ, weight of the decomposition that is taken off.')),
  gam_beta_1: z
    .number()
    .min(0)
    .max(1)
    .default(0.6)
    .meta(only('gam', 'β₁, weight of g₁ in h = β₁g₁ + (1 − β₁)g₃.')),
  gam_beta_2: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta(only('gam', 'β₂ = 1 − β₀, weight of g₂ in p = g₀ + β₂g₂.')),
  esam_beta: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .meta(only('esam', 'β, probability with which a tensor is perturbed.')),
  esam_gamma: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .meta(only('esam', 'γ, fraction of the examples that the second pass is taken on.')),
  bi_lora_r: z
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .meta(only('bi-lora', 'rank r₂ of the second pair.')),
});

/** The `method` section: one flat list of keys; a method's own defaults stand in for the general. */
export const methodSchema = z
  .preprocess(withMethodDefaults, fields)
  .prefault({})
  .meta({ description: 'The training method and its perturbation.' });

export type MethodConfig = z.output<typeof fields>;

/** Fills in the published settings of the method that is named, where nothing is written. */
function withMethodDefaults(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const name = (input as { name?: unknown }).name;
  if (typeof name !== 'string' || !Object.hasOwn(METHODS, name)) return input;
  return { ...METHODS[name as MethodName].defaults, ...input };
}

/** Monitors read these whatever the method. */
const ALWAYS_READ = ['name', 'rho', 'tau_a', 'tau_b', 'gram_dtype'];

/**
 * Keys that are set to something else than their default though the method does not read them.
 */
export function unreadMethodKeys(method: MethodConfig): string[] {
  const { reads } = METHODS[method.name];
  const defaults = fields.parse({ ...METHODS[method.name].defaults, name: method.name });
  return Object.entries(method)
    .filter(([key, value]) => value !== defaults[key as keyof MethodConfig])
    .map(([key]) => key)
    .filter((key) => !reads.includes(key) && !ALWAYS_READ.includes(key));
}

/** What to say of them: a warning, since another method may be tried with the same file. */
export function unreadMethodWarnings(method: MethodConfig): string[] {
  return unreadMethodKeys(method).map(
    (key) => `method.${key} is not read by \`method.name: ${method.name}\``,
  );
}
