import { follow } from './locate';
import { isJsonFile, readTree, type ConfigNode, type TextRange } from './tree';

export interface TextEdit {
  readonly range: TextRange;
  readonly text: string;
}

interface Setting {
  readonly path: readonly [section: string, key: string];
  readonly value: string;
  /** Adds the value to the list at the key, which is made if it is not there. */
  readonly append?: true;
}

type MapNode = Extract<ConfigNode, { kind: 'map' }>;

/**
 * The edit that sets a key of a section, and leaves the text around it as it is.
 * @returns undefined where the text is no config, or the place is no place for it
 */
export function setKey(text: string, fileName: string, setting: Setting): TextEdit | undefined {
  const { root, problems } = readTree(text, fileName);
  if (root?.kind !== 'map' || problems.length > 0) return undefined;
  const isJson = isJsonFile(fileName);
  const [sectionName, key] = setting.path;
  const value = scalarText(setting.value, isJson);
  const written = setting.append ? `[${value}]` : value;
  const found = follow(root, setting.path);
  if (found.depth === 2)
    return setting.append ? appendItem(text, found.node, value) : replace(found.node, value);
  const section = follow(root, [sectionName]);
  const entry = `${isJson ? JSON.stringify(key) : key}: ${written}`;
  if (section.depth === 1)
    return section.node.kind === 'map' ? addEntry(text, section.node, entry) : undefined;
  if (isFlow(text, root))
    return addEntry(
      text,
      root,
      `${isJson ? JSON.stringify(sectionName) : sectionName}: { ${entry} }`,
    );
  return addEntry(text, root, `${sectionName}:${newline(text)}  ${entry}`);
}

function replace({ range }: ConfigNode, value: string): TextEdit | undefined {
  return range.start < range.end ? { range, text: value } : undefined;
}

function appendItem(text: string, node: ConfigNode, value: string): TextEdit | undefined {
  const last = node.kind === 'list' ? node.items.at(-1) : undefined;
  if (!last) return undefined;
  if (isFlow(text, node)) return insert(last.range.end, `, ${value}`);
  const line = indentOf(text, last.range.start);
  return insert(endOfEntry(text, last.range.end), `${newline(text)}${line}- ${value}`);
}

/** Behind the last entry; in a flow map on the same line, unless its entries have lines of their own. */
function addEntry(text: string, map: MapNode, entry: string): TextEdit | undefined {
  const last = map.entries.at(-1);
  if (!last) return undefined;
  const indent = indentOf(text, last.keyRange.start);
  const ownLine =
    text.slice(lineStart(text, last.keyRange.start), last.keyRange.start).trim() === '';
  if (!isFlow(text, map))
    return insert(endOfEntry(text, last.value.range.end), `${newline(text)}${indent}${entry}`);
  return insert(
    last.value.range.end,
    ownLine ? `,${newline(text)}${indent}${entry}` : `, ${entry}`,
  );
}

function insert(at: number, text: string): TextEdit {
  return { range: { start: at, end: at }, text };
}

/** A block value ends behind its newline; an entry ends with its line, comment included. */
function endOfEntry(text: string, end: number): number {
  let at = end;
  while (at > 0 && /\s/.test(text[at - 1] ?? '')) at -= 1;
  const rest = text.slice(at).search(/\r?\n/);
  return rest < 0 ? text.length : at + rest;
}

function isFlow(text: string, { range }: ConfigNode): boolean {
  return text[range.start] === '{' || text[range.start] === '[';
}

function indentOf(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? '';
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function newline(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** Names and paths are plain in YAML; anything else is quoted, which both syntaxes read. */
function scalarText(value: string, isJson: boolean): string {
  return !isJson &&
    /^[A-Za-z_][\w.-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}
