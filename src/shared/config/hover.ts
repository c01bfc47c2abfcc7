import { METHODS } from '../methods';
import { describeKey, type KeyDescription } from './describe';
import { locate } from './locate';
import type { TextRange } from './tree';

export interface ConfigHover {
  readonly markdown: string;
  readonly range: TextRange;
}

/** What a key means, for the key or the value under the cursor. */
export function hoverAt(text: string, fileName: string, offset: number): ConfigHover | undefined {
  const place = locate(text, fileName, offset);
  const key = place && describeKey(place.path);
  if (!place || !key || key.path.length === 0) return undefined;
  return { markdown: explainKey(key), range: place.range };
}

/** Name, type, default and description of a key, as Markdown. */
export function explainKey(key: KeyDescription): string {
  const facts = key.isSection
    ? 'section'
    : [key.type, key.required ? 'required' : defaultText(key)].filter(Boolean).join('; ');
  const head = `**${key.name}** (${facts})`;
  const more = key.name === 'method.name' ? [methodTable()] : [];
  return [head, key.description, ...more].filter(Boolean).join('\n\n');
}

function defaultText(key: KeyDescription): string {
  return key.defaultValue === undefined ? '' : `default \`${JSON.stringify(key.defaultValue)}\``;
}

function methodTable(): string {
  return Object.entries(METHODS)
    .map(([name, { title, summary, source }]) => `- \`${name}\`, ${title}: ${summary} (${source})`)
    .join('\n');
}
