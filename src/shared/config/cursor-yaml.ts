import type { CursorPlace } from './cursor';

/** A cursor in a text, seen by lines. */
interface Cursor {
  readonly lines: readonly string[];
  /** Index of its line. */
  readonly line: number;
  readonly offset: number;
  /** The line up to the cursor and from it on. */
  readonly before: string;
  readonly after: string;
}

const NOWHERE = { existing: [], inList: false, hasColon: false, comma: false } as const;

/** Unfinished YAML is not parsed but read line by line: indentation says whose key it is. */
export function yamlPlace(text: string, offset: number): CursorPlace | undefined {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const cursor: Cursor = {
    lines: text.split(/\r?\n/),
    line: text.slice(0, lineStart).split('\n').length - 1,
    offset,
    before: text.slice(lineStart, offset),
    after: /^[^\r\n]*/.exec(text.slice(offset))?.[0] ?? '',
  };
  if (/(^|\s)#/.test(cursor.before)) return undefined;
  return keyPlace(cursor) ?? itemPlace(cursor) ?? pairPlace(cursor);
}

/** `  rh|`, or an empty line. */
function keyPlace({ lines, line, offset, before, after }: Cursor): CursorPlace | undefined {
  const [, indent, word] = /^(\s*)([\w$]*)$/.exec(before) ?? [];
  if (indent === undefined || word === undefined) return undefined;
  const path = sectionAt(lines, line, indent.length);
  if (!path) return undefined;
  const tail = /^[\w$]*/.exec(after)?.[0].length ?? 0;
  return {
    ...NOWHERE,
    kind: 'key',
    path,
    replace: { start: offset - word.length, end: offset + tail },
    existing: siblings(lines, line, indent.length),
    hasColon: /^\s*:/.test(after.slice(tail)),
    indent,
  };
}

/** `  - que|` */
function itemPlace(cursor: Cursor): CursorPlace | undefined {
  const [, indent, written] = /^(\s*)-\s+(\S*)$/.exec(cursor.before) ?? [];
  if (indent === undefined || written === undefined) return undefined;
  // The dash may stand right under its key.
  const path = sectionAt(cursor.lines, cursor.line, indent.length + 1);
  return path && { ...NOWHERE, ...valueAt(cursor, written), path, inList: true, indent };
}

/** `  name: ef|` or `  target_modules: [query, va|` */
function pairPlace(cursor: Cursor): CursorPlace | undefined {
  const [, indent, key, written] = /^(\s*)([\w$]+)\s*:\s+(.*)$/.exec(cursor.before) ?? [];
  if (indent === undefined || key === undefined || written === undefined) return undefined;
  const section = sectionAt(cursor.lines, cursor.line, indent.length);
  const inList = written.startsWith('[');
  const typed = inList ? (/[^[,\s]*$/.exec(written)?.[0] ?? '') : written;
  if (!section || /\s/.test(typed)) return undefined;
  return { ...NOWHERE, ...valueAt(cursor, typed), path: [...section, key], inList, indent };
}

function valueAt({ offset, after }: Cursor, typed: string) {
  const rest = /^[^\s,\]#]*/.exec(after)?.[0].length ?? 0;
  return {
    kind: 'value' as const,
    replace: { start: offset - typed.length, end: offset + rest },
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
