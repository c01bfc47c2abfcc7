import { ADAPTERS } from '../../shared/adapters';
import type { Config } from '../../shared/config/schema';
import { UserError } from '../../shared/errors';
import { METHODS } from '../../shared/methods';

/**
 * Refuses parts of a config that each are right and do not go together. The one place for it.
 * @throws UserError `method-needs-lora`, `method-adds-to-w`, `method-moves-a`, placed at the key
 */
export function checkCombination(
  { adapter, method, optimizer }: Pick<Config, 'adapter' | 'method' | 'optimizer'>,
  file: string,
): void {
  const { title, needs, addsToW } = METHODS[method.name];
  if (needs === 'lora' && !ADAPTERS[adapter.type].hasPairs)
    throw new UserError({
      code: 'method-needs-lora',
      message: `${title} works on low-rank pairs (A, B), which this adapter does not have`,
      place: { file, at: 'method.name' },
      expected: `\`adapter.type: lora\`, or a method for any adapter: ${anyAdapter()}`,
      found: `\`method.name: ${method.name}\` with \`adapter.type: ${adapter.type}\``,
      remedy: 'Set `adapter.type: lora`, or `method.name: none` (or `sam` for a flat minimum).',
    });
  if (
    method.name === 'flatpo' &&
    method.flatpo_granularity === 'rank' &&
    !ADAPTERS[adapter.type].hasPairs
  )
    throw new UserError({
      code: 'method-needs-lora',
      message: 'rank components are those of low-rank pairs, which this adapter does not have',
      place: { file, at: 'method.flatpo_granularity' },
      found: `\`method.flatpo_granularity: rank\` with \`adapter.type: ${adapter.type}\``,
      remedy: 'Set `adapter.type: lora`, or another `method.flatpo_granularity`.',
    });
  if (addsToW && adapter.use_dora)
    throw new UserError({
      code: 'method-adds-to-w',
      message: `${title} adds to W itself, which DoRA normalises`,
      place: { file, at: 'adapter.use_dora' },
      found: `\`method.name: ${method.name}\` with \`adapter.use_dora: true\``,
      remedy: 'Set `adapter.use_dora: false`, or choose another method.',
    });
  if (optimizer.lorafa && (method.name === 'obar' || method.name === 'nbar'))
    throw new UserError({
      code: 'method-moves-a',
      message: `${title} scales A, which LoRA-FA keeps as it starts`,
      place: { file, at: 'optimizer.lorafa' },
      found: `\`method.name: ${method.name}\` with \`optimizer.lorafa: true\``,
      remedy: 'Set `optimizer.lorafa: false`, or choose another method.',
    });
}

/** Settings that another part of the config leaves without effect. */
export function combinationWarnings({
  adapter,
  method,
  optimizer,
  probe,
}: Pick<Config, 'adapter' | 'method' | 'optimizer' | 'probe'>): string[] {
  const noPairs = !ADAPTERS[adapter.type].hasPairs;
  const { lorafa, loraplus_lr_ratio: ratio } = optimizer;
  const unread = (key: string, by: string) => `${key} is not read by \`${by}\``;
  return [
    ...(noPairs && lorafa ? [unread('optimizer.lorafa', `adapter.type: ${adapter.type}`)] : []),
    ...(noPairs && ratio !== 1
      ? [unread('optimizer.loraplus_lr_ratio', `adapter.type: ${adapter.type}`)]
      : []),
    ...(probe.sigma_batches > 0 && (method.name !== 'efmlora' || !probe.theorem2)
      ? [
          unread(
            'probe.sigma_batches',
            probe.theorem2 ? `method.name: ${method.name}` : 'probe.theorem2: false',
          ),
        ]
      : []),
  ];
}

function anyAdapter(): string {
  const names = Object.entries(METHODS).filter(([, { needs }]) => needs === 'any');
  return names.map(([name]) => name).join(', ');
}
