import { ADAPTERS } from '../../shared/adapters';
import { keysOf } from '../../shared/config/describe';
import type { Config } from '../../shared/config/schema';

/** A setting that differs from its default and is of another type than the one that is trained. */
export function unreadWarnings(adapter: Config['adapter'] | undefined): string[] {
  if (!adapter) return [];
  const reads: readonly string[] = ADAPTERS[adapter.type].reads;
  const settings: Readonly<Record<string, unknown>> = adapter;
  return keysOf(['adapter']).flatMap(({ path, defaultValue }) => {
    const key = path.at(-1) ?? '';
    if (key === 'type' || key === 'init_from' || reads.includes(key)) return [];
    const same = JSON.stringify(settings[key]) === JSON.stringify(defaultValue);
    return same ? [] : [`adapter.${key} is not read by \`adapter.type: ${adapter.type}\``];
  });
}
