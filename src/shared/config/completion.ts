import { cursorPlace, type CursorPlace } from './cursor';
import { describeKey, keysOf, type KeyDescription } from './describe';
import { explainKey } from './hover';
import { isJsonFile, type TextRange } from './tree';

export interface ConfigCompletion {
  readonly kind: 'key' | 'section' | 'value';
  readonly label: string;
  readonly detail: string;
  readonly markdown: string;
  /** In the editor's snippet syntax: `${1:default}` marks what to type over. */
  readonly snippet: string;
  readonly replace: TextRange;
}

/** What only the editor knows. */
export interface CompletionFacts {
  /** Paths of the model's modules. */
  readonly modules?: readonly string[];
}

/** Keys that the section lacks, with their defaults; or the values that a key may have. */
export function completionsAt(
  text: string,
  fileName: string,
  offset: number,
  facts: CompletionFacts = {},
): readonly ConfigCompletion[] {
  const place = cursorPlace(text, fileName, offset);
  if (!place) return [];
  const json = isJsonFile(fileName);
  if (place.kind === 'key') return keyCompletions(place, json);
  return valueCompletions(place, json, facts);
}

function keyCompletions(place: CursorPlace, json: boolean): ConfigCompletion[] {
  const written = new Set(place.existing);
  return keysOf(place.path)
    .filter((key) => !written.has(last(key)))
    .map((key) => ({
      kind: key.isSection ? 'section' : 'key',
      label: last(key),
      detail: key.type,
      markdown: explainKey(key),
      snippet: json ? jsonKey(key, place) : yamlKey(key, place),
      replace: place.replace,
    }));
}

function valueCompletions(
  place: CursorPlace,
  json: boolean,
  facts: CompletionFacts,
): ConfigCompletion[] {
  const key = describeKey(place.path);
  if (!key) return [];
  const modules = key.suggest === 'modules' ? moduleNames(facts.modules ?? []) : [];
  const all = key.suggest === 'modules' && !place.inList ? ['all-linear'] : [];
  // A list inside a list of its key is no value of it.
  const single = place.inList ? [] : key.values;
  return [...single, ...all, ...modules].map((value) => ({
    kind: 'value',
    label: String(value),
    detail: value === key.defaultValue ? 'default' : '',
    markdown: explainKey(key),
    snippet: escape(json ? JSON.stringify(value) : String(value)),
    replace: place.replace,
  }));
}

/** Last parts of the paths, which is how PEFT's configs name modules; each once. */
export function moduleNames(paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => path.split('.').at(-1) ?? path))].sort();
}

function yamlKey(key: KeyDescription, { hasColon, indent }: CursorPlace): string {
  const name = escape(last(key));
  if (hasColon) return name;
  return key.isSection ? `${name}:\n${indent}  $0` : `${name}: ${placeholder(key, yamlValue)}`;
}

function jsonKey(key: KeyDescription, { hasColon, comma }: CursorPlace): string {
  const name = escape(JSON.stringify(last(key)));
  if (hasColon) return name;
  const value = key.isSection ? '{$0}' : placeholder(key, JSON.stringify);
  return `${name}: ${value}${comma ? ',' : ''}`;
}

function placeholder(key: KeyDescription, print: (value: unknown) => string): string {
  const value = key.defaultValue ?? key.examples[0];
  return value === undefined ? '$1' : `\${1:${escape(print(value))}}`;
}

/** Flow style: what JSON and YAML share, without quotes round plain words. */
function yamlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`;
  return typeof value === 'string' && /^[\w./-]+$/.test(value) ? value : JSON.stringify(value);
}

function escape(text: string): string {
  return text.replace(/[$}\\]/g, '\\$&');
}

function last(key: KeyDescription): string {
  return key.path.at(-1) ?? '';
}
