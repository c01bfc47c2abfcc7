import { readTree, type ConfigNode, type KeyPath, type TextRange } from './tree';

export interface ConfigPlace {
  readonly path: KeyPath;
  /** Whether the offset is in the key itself rather than in its value. */
  readonly onKey: boolean;
  /** Of the key or of the value. */
  readonly range: TextRange;
}

/** The innermost key or value at an offset; undefined between them and in comments. */
export function locate(text: string, fileName: string, offset: number): ConfigPlace | undefined {
  const { root } = readTree(text, fileName);
  return root && search(root, [], offset);
}

/** Where a key path is written; undefined if it is not, or only a part of it. */
export function rangeOf(
  text: string,
  fileName: string,
  path: KeyPath,
): { readonly key?: TextRange; readonly value: TextRange } | undefined {
  const { root } = readTree(text, fileName);
  const found = root && follow(root, path);
  if (!found || found.depth < path.length) return undefined;
  return { value: found.node.range, ...(found.key && { key: found.key }) };
}

/** Goes down a path as far as it exists; a duplicate key counts as its last. */
export function follow(
  root: ConfigNode,
  path: KeyPath,
): { readonly node: ConfigNode; readonly key?: TextRange; readonly depth: number } {
  let node = root;
  let key: TextRange | undefined;
  let depth = 0;
  for (const part of path) {
    if (node.kind === 'map') {
      const entry = [...node.entries].reverse().find((e) => e.key === part);
      if (!entry) break;
      node = entry.value;
      key = entry.keyRange;
    } else {
      const item = node.kind === 'list' && typeof part === 'number' ? node.items[part] : undefined;
      if (!item) break;
      node = item;
      key = undefined;
    }
    depth += 1;
  }
  return { node, depth, ...(key && { key }) };
}

function search(node: ConfigNode, path: KeyPath, offset: number): ConfigPlace | undefined {
  if (node.kind === 'map') {
    for (const { key, keyRange, value } of node.entries) {
      const here = [...path, key];
      if (contains(keyRange, offset)) return { path: here, onKey: true, range: keyRange };
      const inside = search(value, here, offset);
      if (inside) return inside;
    }
    return undefined;
  }
  if (node.kind === 'list') {
    for (const [index, item] of node.items.entries()) {
      const inside = search(item, [...path, index], offset);
      if (inside) return inside;
    }
  }
  return contains(node.range, offset) ? { path, onKey: false, range: node.range } : undefined;
}

function contains({ start, end }: TextRange, offset: number): boolean {
  return start <= offset && offset <= end && start < end;
}
