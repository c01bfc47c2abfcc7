import type { z } from 'zod';
import { describeKey, keysOf } from './describe';
import { follow } from './locate';
import { nearest } from './nearest';
import { configSchema, type Config } from './schema';
import { readTree, toValue, type ConfigNode, type KeyPath, type TextRange } from './tree';

export type ConfigProblemCode =
  | 'syntax'
  | 'duplicate-key'
  | 'unknown-key'
  | 'missing-key'
  | 'wrong-type'
  | 'out-of-range'
  | 'unknown-value'
  | 'bad-value';

/** One thing wrong with a config, at the exact key or value. */
export interface ConfigProblem {
  /** Stable; quick fixes are keyed on it. */
  readonly code: ConfigProblemCode;
  readonly message: string;
  readonly path: KeyPath;
  /** Offsets into the text. */
  readonly range: TextRange;
  readonly expected?: string;
  readonly found?: string;
  /** What to write in place of `range`. */
  readonly suggestion?: string;
}

/** Either a config with every default filled in, or at least one problem. */
export type ParsedConfig =
  | { readonly config: Config; readonly problems: readonly [] }
  | {
      readonly config?: undefined;
      readonly problems: readonly [ConfigProblem, ...ConfigProblem[]];
    };

type Issue = z.core.$ZodIssue;

/**
 * Reads a config: YAML 1.2, or JSON if the name ends in `.json`. Never throws; problems are in the
 * order of the text.
 */
export function parseConfigText(text: string, fileName: string): ParsedConfig {
  const { root, problems: syntax } = readTree(text, fileName);
  const problems: ConfigProblem[] = syntax.map((p) => ({ code: 'syntax', path: [], ...p }));
  const node = root ?? { kind: 'map', range: { start: 0, end: text.length }, entries: [] };
  // Half a document would yield a crowd of problems that vanish with the syntax error.
  if (problems.length === 0) problems.push(...duplicateKeys(node, []));
  if (problems.length === 0) {
    const parsed = configSchema.safeParse(toValue(node));
    if (parsed.success) return { config: parsed.data, problems: [] };
    problems.push(...parsed.error.issues.flatMap((issue) => fromIssue(node, issue)));
  }
  const [first, ...rest] = problems.sort((a, b) => a.range.start - b.range.start);
  if (!first) throw new Error('a config was refused without a reason');
  return { problems: [first, ...rest] };
}

function duplicateKeys(node: ConfigNode, path: KeyPath): ConfigProblem[] {
  if (node.kind === 'list') return node.items.flatMap((n, i) => duplicateKeys(n, [...path, i]));
  if (node.kind === 'scalar') return [];
  const seen = new Set<string>();
  return node.entries.flatMap(({ key, keyRange, value }) => {
    const here = [...path, key];
    const message = `\`${key}\` is written twice`;
    const twice: ConfigProblem[] = seen.has(key)
      ? [{ code: 'duplicate-key', message, path: here, range: keyRange, found: key }]
      : [];
    seen.add(key);
    return [...twice, ...duplicateKeys(value, here)];
  });
}

function fromIssue(root: ConfigNode, issue: Issue): ConfigProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey(root, path, key));
  const place = follow(root, path);
  if (place.depth < path.length) return [missingKey(root, path)];
  const { node, key } = place;
  // An empty value has no width: its key is underlined instead.
  const range = node.range.start < node.range.end ? node.range : (key ?? node.range);
  return [{ ...wrongValue(node, path, issue), range }];
}

function unknownKey(root: ConfigNode, section: KeyPath, key: string): ConfigProblem {
  const path = [...section, key];
  const known = keysOf(section).map((k) => k.path.at(-1) ?? '');
  const suggestion = nearest(key, known);
  const { key: range, node } = follow(root, path);
  return {
    code: 'unknown-key',
    message: `unknown key \`${path.join('.')}\`${suggestion ? `; did you mean \`${suggestion}\`?` : ''}`,
    path,
    range: range ?? node.range,
    expected: known.join(', '),
    found: key,
    ...(suggestion && { suggestion }),
  };
}

/** Underlines the section's own key, or the first line of the text for the root. */
function missingKey(root: ConfigNode, path: KeyPath): ConfigProblem {
  const { key, node } = follow(root, path);
  const first = node.kind === 'map' ? node.entries[0]?.keyRange : undefined;
  const name = path.join('.');
  return {
    code: 'missing-key',
    message: `\`${name}\` is missing`,
    path,
    range: key ?? first ?? node.range,
    expected: describeKey(path)?.description || name,
  };
}

function wrongValue(node: ConfigNode, path: KeyPath, issue: Issue): ConfigProblem {
  const key = describeKey(path);
  const found = show(node);
  const expected =
    typeof path.at(-1) === 'number'
      ? itemText(issue)
      : (key?.type ?? 'keys such as `model` and `task`');
  const code = codeOf(issue, node, key?.values ?? []);
  const text = node.kind === 'scalar' ? String(node.value) : '';
  const suggestion =
    code === 'unknown-value' ? nearest(text, (key?.values ?? []).map(String)) : undefined;
  const reason = reasonOf(issue, node, code);
  return {
    code,
    message: `\`${path.join('.') || 'the config'}\` is ${found}; expected ${expected}${reason}`,
    path,
    range: node.range,
    expected,
    found,
    ...(suggestion && { suggestion }),
  };
}

/** What the key's type alone does not say. */
function reasonOf(issue: Issue, node: ConfigNode, code: ConfigProblemCode): string {
  if (issue.code === 'invalid_format' || code === 'bad-value') return ` (${issue.message})`;
  if (node.kind !== 'list') return '';
  if (issue.code === 'too_small') return ` (at least ${issue.minimum})`;
  return issue.code === 'too_big' ? ` (at most ${issue.maximum})` : '';
}

function codeOf(
  issue: Issue,
  node: ConfigNode,
  values: readonly (string | boolean)[],
): ConfigProblemCode {
  if (values.length > 0 && node.kind === 'scalar' && typeof node.value === 'string')
    return 'unknown-value';
  if (issue.code === 'too_small' || issue.code === 'too_big') return 'out-of-range';
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') return 'wrong-type';
  return issue.code === 'invalid_value' ? 'wrong-type' : 'bad-value';
}

function itemText(issue: Issue): string {
  return issue.code === 'invalid_type' ? `a ${issue.expected}` : issue.message;
}

function show(node: ConfigNode): string {
  if (node.kind === 'map') return 'a section';
  if (node.kind === 'list') return `a list of ${node.items.length}`;
  if (node.value === null || node.value === undefined) return 'empty';
  const text = String(node.value);
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return typeof node.value === 'string' ? `"${short}"` : short;
}
