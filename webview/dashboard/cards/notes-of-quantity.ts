import { METHODS } from '../../../src/shared/methods';
import { QUANTITIES, type QuantityKey } from '../../../src/shared/quantities';
import type { ProbeSummary, RunModel } from '../../../src/shared/run-model';
import { formatSetting } from '../../data/format';

/** Space, radius, batch, seed and source: without them a number per layer means nothing. */
export function quantityNotes(
  model: RunModel,
  key: QuantityKey,
  source: 'step' | 'probe',
): string[] {
  const { summary, space, gaugeInvariant } = QUANTITIES[key];
  const probe = model.probes.at(-1);
  return [
    `${summary} Space: ${space}; ${gaugeInvariant ? 'unchanged' : 'changed'} by (B, A) → (BR⁻¹, RA).`,
    source === 'probe' && probe ? probeNote(probe) : stepNote(model),
  ];
}

export function probeNote({ rho, examples, source, seed }: ProbeSummary): string {
  return `Probe: ρ = ${formatSetting(rho)}, ${examples} fixed examples of the ${source} file, seed ${seed}, clean weights.`;
}

export function stepNote({ manifest }: RunModel): string {
  const { method, train } = manifest.config;
  const size = train.batch_size * train.gradient_accumulation_steps;
  const rho = !METHODS[method.name].perturbs
    ? 'no perturbation'
    : `ρ = ${formatSetting(method.rho)}, ${method.rho_schedule}`;
  return `Recorded at each step: ${rho}, training batch of ${size}, seed ${train.seed}.`;
}
