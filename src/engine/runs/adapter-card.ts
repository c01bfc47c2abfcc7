import type { Config } from '../../shared/config/schema';
import { METHODS } from '../../shared/methods';

/** Body of a checkpoint's model card. Says nothing that differs between equal runs. */
export function adapterCard(config: Config, labels: readonly string[], step: number): string {
  const { method, optimizer, adapter, train } = config;
  const { title, source, perturbs } = METHODS[method.name];
  const lines = [
    `Trained with ${title} (${source}) by Flatscape, ${step} optimizer steps.`,
    '',
    `- rank ${adapter.r}, alpha ${adapter.lora_alpha}${adapter.use_rslora ? ', rank-stabilised' : ''}`,
    ...(perturbs ? [`- rho ${method.rho}, schedule ${method.rho_schedule}`] : []),
    `- ${optimizer.name}, learning rate ${optimizer.lr}, weight decay ${optimizer.weight_decay}`,
    `- batch ${train.batch_size} × ${train.gradient_accumulation_steps}, seed ${train.seed}`,
    `- labels, in class order: ${labels.join(', ')}`,
  ];
  return lines.join('\n');
}
