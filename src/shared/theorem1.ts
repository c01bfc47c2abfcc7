import { ADAPTERS } from './adapters';
import type { Config } from './config/schema';
import type { MethodName } from './methods';

/** Whether Theorem 1 speaks of a run, and in what sense. */
export interface Theorem1Standing {
  /** `exact`: corrected rate = virtual rate; `virtual`: only the virtual rate means something. */
  readonly standing: 'exact' | 'virtual' | 'none';
  /** One plain sentence for people. */
  readonly statement: string;
}

/** Their update combines gradients of several points, examples or pairs. */
const MIXED: ReadonlySet<MethodName> = new Set(['gsam', 'looksam', 'gam', 'esam', 'bi-lora']);

/** They perturb A as well as B. */
const BOTH: ReadonlySet<MethodName> = new Set(['sam', 'asam', 'f-sam', 'flatpo']);

/**
 * What Theorem 1 of arXiv 2508.00522 can say about a run: it is about gradient flow, so about SGD
 * without momentum in the limit of small steps, with a perturbation of B.
 */
export function theorem1Standing({
  adapter,
  method,
  optimizer,
}: Pick<Config, 'adapter' | 'method' | 'optimizer'>): Theorem1Standing {
  if (!ADAPTERS[adapter.type].hasPairs)
    return {
      standing: 'none',
      statement: 'Not applicable: there are no pairs (A, B) whose balance could change.',
    };
  if (method.perturb_target === 'A')
    return {
      standing: 'virtual',
      statement: 'The bounds are not applicable: they are about a perturbation of B, not of A.',
    };
  if (optimizer.name === 'adamw')
    return {
      standing: 'virtual',
      statement:
        'Not applicable to Adam: the theorem and its bounds are about gradient flow. ⟨E, g̃_B⟩ is the rate that plain SGD would have had here (virtual SGD rate); the measured Δ𝔅/η is that of Adam and owes it nothing.',
    };
  const others = [
    ...(optimizer.momentum > 0 ? ['momentum'] : []),
    ...(optimizer.lorafa ? ['LoRA-FA'] : []),
    ...(optimizer.loraplus_lr_ratio !== 1 ? ['LoRA+'] : []),
    ...(method.name === 'obar' || method.name === 'nbar' ? ['scaling of A and B'] : []),
    ...(MIXED.has(method.name) ? ['an update that is no gradient at one perturbed point'] : []),
  ];
  if (others.length > 0)
    return {
      standing: 'virtual',
      statement: `Not applicable as it stands: ${others.join(' and ')} moves the balancedness as well. ⟨E, g̃_B⟩ is the rate that plain SGD would have had here.`,
    };
  if (BOTH.has(method.name))
    return {
      standing: 'exact',
      statement:
        'SGD without momentum: the corrected Δ𝔅/η equals ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩ up to rounding. The bounds are about a perturbation of B alone.',
    };
  return {
    standing: 'exact',
    statement:
      'SGD without momentum: the corrected Δ𝔅/η equals d𝔅/dt = ⟨E, g̃_B⟩ up to rounding. Bound 1, as printed, is too small by up to √r; bound 2 can fail for EFMLoRA, whose average was made with earlier factors; bound 3 cannot.',
  };
}
