import { getLocation, parseTree } from 'jsonc-parser';
import { describeKey } from './describe';
import { locate } from './locate';
import { isJsonFile, type TextRange } from './tree';

/** What may be typed at the cursor, however unfinished the text around it is. */
export interface CursorPlace {
  readonly kind: 'key' | 'value';
  /** Of the section that gets a key, or of the key that gets a value. */
  readonly path: readonly string[];
  /** What a completion replaces. */
  readonly replace: TextRange;
  /** Keys that the section already has. */
  readonly existing: readonly string[];
  /** Whether a value stands alone or as one item of a list. */
  readonly inList: boolean;
  /** A key that already has its colon. */
  readonly hasColon: boolean;
  /** Indentation of the line, for the keys inside a new section. */
  readonly indent: string;
  /** JSON only: a property follows and needs a comma before it. */
  readonly comma: boolean;
}

export function cursorPlace(
  text: string,
  fileName: string,
  offset: number,
): CursorPlace | undefined {
  return isJsonFile(fileName) ? jsonPlace(text, fileName, offset) : yamlPlace(text, offset);
}

/** Unfinished YAML is not parsed but read line by line: indentation says whose key it is. */
function yamlPlace(text: string, offset: number): CursorPlace | undefined {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(lineStart, offset);
  const rest = /^[^\r\n]*/.exec(text.slice(offset))?.[0] ?? '';
  if (/(^|\s)#/.test(before)) return undefined;
  const lines = text.split(/\r?\n/);
  const line = text.slice(0, lineStart).split('\n').length - 1;
  const base = { existing: [], inList: false, hasColon: false, comma: false };
  const word = /^[^\s,\]#]*/.exec(rest)?.[0] ?? '';

  const key = /^(\s*)([\w$]*)$/.exec(before);
  if (key) {
    const indent = key[1] ?? '';
    const path = sectionAt(lines, line, indent.length);
    if (!path) return undefined;
    const tail = /^[\w$]*/.exec(rest)?.[0] ?? '';
    const replace = { start: lineStart + indent.length, end: offset + tail.length };
    const hasColon = /^\s*:/.test(rest.slice(tail.length));
    const existing = siblings(lines, line, indent.length);
    return { ...base, kind: 'key', path, replace, existing, hasColon, indent };
  }

  const item = /^(\s*)-\s+(.*)$/.exec(before);
  const pair = /^(\s*)([\w$]+)\s*:\s+(.*)$/.exec(before);
  const written = item?.[2] ?? pair?.[3];
  if (written === undefined) return undefined;
  const indent = (item ?? pair)?.[1] ?? '';
  const section = sectionAt(lines, line, item ? indent.length + 1 : indent.length);
  if (!section) return undefined;
  const inFlow = /^\[/.test(written);
  const typed = inFlow ? (/[^[,\s]*$/.exec(written)?.[0] ?? '') : written;
  if (!inFlow && /\s/.test(typed)) return undefined;
  return {
    ...base,
    kind: 'value',
    path: item ? section : [...section, pair?.[2] ?? ''],
    replace: { start: offset - typed.length, end: offset + word.length },
    inList: item !== null || inFlow,
    indent,
  };
}

/** Path of the section whose keys stand at this indentation in this line. */
function sectionAt(lines: readonly string[], line: number, indent: number): string[] | undefined {
  if (indent === 0) return [];
  for (let i = line - 1; i >= 0; i--) {
    const text = lines[i] ?? '';
    const own = indentOf(text);
    if (own === undefined || own >= indent) continue;
    const parent = /^\s*([\w$]+)\s*:\s*(#.*)?$/.exec(text)?.[1];
    const above = parent === undefined ? undefined : sectionAt(lines, i, own);
    return above && parent !== undefined ? [...above, parent] : undefined;
  }
  return undefined;
}

/** Keys at the same indentation above and below, up to the first line that stands further left. */
function siblings(lines: readonly string[], line: number, indent: number): string[] {
  const found: string[] = [];
  for (const direction of [-1, 1]) {
    for (let i = line + direction; i >= 0 && i < lines.length; i += direction) {
      const own = indentOf(lines[i] ?? '');
      if (own === undefined || own > indent) continue;
      if (own < indent) break;
      const key = /^\s*([\w$]+)\s*:/.exec(lines[i] ?? '')?.[1];
      if (key) found.push(key);
    }
  }
  return found;
}

/** Undefined for blank lines and comments. */
function indentOf(line: string): number | undefined {
  const found = /^(\s*)[^\s#]/.exec(line);
  return found?.[1]?.length;
}

function jsonPlace(text: string, fileName: string, offset: number): CursorPlace | undefined {
  const location = getLocation(text, offset);
  const { path, isAtPropertyKey, previousNode } = location;
  const names = path.filter((part): part is string => typeof part === 'string' && part !== '');
  const token = previousNode && {
    start: previousNode.offset,
    end: previousNode.offset + previousNode.length,
  };
  const inside = token && token.start < offset && offset <= token.end;
  const replace = inside ? token : { start: offset, end: offset + trailingWord(text, offset) };
  const after = text.slice(replace.end);
  const shared = { replace, indent: '', comma: /^\s*"/.test(after) };
  if (isAtPropertyKey) {
    const section = path.slice(0, -1).filter((part) => typeof part === 'string');
    return {
      ...shared,
      kind: 'key',
      path: section,
      existing: keysWritten(text, section, locate(text, fileName, offset)?.path.at(-1)),
      inList: false,
      hasColon: /^\s*:/.test(after),
    };
  }
  if (names.length === 0 || describeKey(names)?.isSection !== false) return undefined;
  const inList = typeof path.at(-1) === 'number';
  return { ...shared, kind: 'value', path: names, existing: [], inList, hasColon: false };
}

function trailingWord(text: string, offset: number): number {
  return /^[\w.+-]*/.exec(text.slice(offset))?.[0].length ?? 0;
}

function keysWritten(text: string, section: readonly string[], except: unknown): string[] {
  let node = parseTree(text, [], { disallowComments: true });
  for (const name of section) {
    const children: typeof node[] | undefined = node?.children;
    node = children?.find((p) => p?.children?.[0]?.value === name)?.children?.[1];
  }
  if (node?.type !== 'object') return [];
  const keys = (node.children ?? []).map((p) => String(p.children?.[0]?.value));
  return keys.filter((key) => key !== except);
}
