import { ADAPTERS } from '../../shared/adapters';
import type { Config } from '../../shared/config/schema';
import { METHODS } from '../../shared/methods';
import { isDecomposedInit } from '../adapters/decomposed-start';

/** Body of a checkpoint's model card. Says nothing that differs between equal runs. */
export function adapterCard(config: Config, labels: readonly string[], step: number): string {
  const { method, optimizer, adapter, train } = config;
  const { title, source, perturbs } = METHODS[method.name];
  const lines = [
    `Trained with ${title} (${source}) by Flatscape, ${step} optimizer steps.`,
    '',
    `- ${adapterLine(adapter)}`,
    ...(perturbs ? [`- rho ${method.rho}, schedule ${method.rho_schedule}`] : []),
    `- ${optimizer.name}, learning rate ${optimizer.lr}, weight decay ${optimizer.weight_decay}`,
    `- batch ${train.batch_size} × ${train.gradient_accumulation_steps}, seed ${train.seed}`,
    `- labels, in class order: ${labels.join(', ')}`,
  ];
  return lines.join('\n');
}

/** The adapter of a run in a few words, e.g. `rank 8, alpha 16, DoRA`. */
function adapterLine(adapter: Config['adapter']): string {
  const { r, lora_alpha, use_rslora, use_dora, init_lora_weights: init } = adapter;
  if (adapter.type === 'lora')
    return [
      `rank ${r}`,
      `alpha ${lora_alpha}`,
      ...(use_rslora ? ['rank-stabilised'] : []),
      ...(use_dora ? ['DoRA'] : []),
      ...(isDecomposedInit(init)
        ? [`started by ${init}; saved as the difference, of rank ${2 * r}`]
        : []),
    ].join(', ');
  if (adapter.type === 'adapter')
    return `bottleneck of ${adapter.size}, ${adapter.activation}, position ${adapter.position}`;
  return ADAPTERS[adapter.type].summary;
}
