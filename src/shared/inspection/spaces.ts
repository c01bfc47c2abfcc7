/** The coordinates in which a perturbation is measured; a number always names its own. */
export interface SpaceDescription {
  readonly label: string;
  readonly summary: string;
  /** Whether it survives (B, A) -> (B R^-1, R A). */
  readonly gaugeInvariant: boolean;
  /** `pairs`: only where there are low-rank pairs. */
  readonly needs: 'pairs' | 'linears' | 'any';
}

export const SPACES = {
  row: {
    label: 'row space',
    summary:
      'W + X Q_Aᵀ with A = L Q_Aᵀ, Q_A orthonormal, so ‖X‖ is a distance in W: changes of B, measured where they act. FMLoRA’s ball.',
    gaugeInvariant: true,
    needs: 'pairs',
  },
  raw: {
    label: 'raw (A, B)',
    summary:
      'The entries of A and B as they are stored, as LoRA-SAM perturbs them. (cB)(A/c) is the same model with other values.',
    gaugeInvariant: false,
    needs: 'pairs',
  },
  full: {
    label: 'full W',
    summary: 'The entries of the merged weight W = W0 + sBA [out, in] of each module.',
    gaugeInvariant: true,
    needs: 'linears',
  },
  trainable: {
    label: 'all trainable',
    summary: 'Every trained tensor, the head included; what PyHessian takes of a PEFT model.',
    gaugeInvariant: false,
    needs: 'any',
  },
} as const satisfies Record<string, SpaceDescription>;

export type SpaceName = keyof typeof SPACES;

export const SPACE_NAMES = Object.keys(SPACES) as [SpaceName, ...SpaceName[]];

/**
 * What is perturbed: all modules together, one transformer block, or one module.
 * Ids in journals, tables and file names: `all`, `block.3`, or the module's PEFT path.
 */
export type ScopeId = string;

export function blockScope(index: number): ScopeId {
  return `block.${index}`;
}
