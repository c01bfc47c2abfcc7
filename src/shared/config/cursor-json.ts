import { getLocation, parseTree } from 'jsonc-parser';
import type { CursorPlace } from './cursor';
import { describeKey } from './describe';
import { locate } from './locate';

/** The parser itself knows where in unfinished JSON an offset is. */
export function jsonPlace(text: string, fileName: string, offset: number): CursorPlace | undefined {
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
    const children: (typeof node)[] | undefined = node?.children;
    node = children?.find((p) => p?.children?.[0]?.value === name)?.children?.[1];
  }
  if (node?.type !== 'object') return [];
  const keys = (node.children ?? []).map((p) => String(p.children?.[0]?.value));
  return keys.filter((key) => key !== except);
}
