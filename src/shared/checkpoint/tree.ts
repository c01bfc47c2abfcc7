import { valuesIn, type CheckpointTensor } from './contents';

/** A module path and what lies below it, or one tensor. */
export interface TreeNode {
  /** Whole dotted path: identifies the node. */
  readonly path: string;
  /** What it adds to its parent's; a chain of single children is one node. */
  readonly label: string;
  readonly children: readonly TreeNode[];
  /** Index of the tensor; absent for a module. */
  readonly tensor?: number;
  /** In it and below. */
  readonly tensors: number;
  readonly values: number;
  readonly bytes: number;
}

/** A line on screen. */
export interface TreeRow {
  readonly node: TreeNode;
  /** 1 for those at the top. */
  readonly level: number;
  readonly expanded: boolean;
  /** 1-based place among its siblings, and how many they are. */
  readonly place: number;
  readonly siblings: number;
}

interface Draft {
  readonly children: Map<string, Draft>;
  tensor?: number;
}

/** Sorts `layer.10` after `layer.9`. */
const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'variant' }).compare;

/**
 * The tensors by the dots of their names.
 * @param included indices of the tensors to show
 */
export function buildTree(
  tensors: readonly CheckpointTensor[],
  included: readonly number[],
): readonly TreeNode[] {
  const root: Draft = { children: new Map() };
  for (const index of included) {
    let draft = root;
    for (const part of (tensors[index]?.name ?? '').split('.')) {
      const next: Draft = draft.children.get(part) ?? { children: new Map() };
      draft.children.set(part, next);
      draft = next;
    }
    draft.tensor = index;
  }
  return finish(root, '', tensors);
}

function finish(draft: Draft, above: string, tensors: readonly CheckpointTensor[]): TreeNode[] {
  const parts = [...draft.children.keys()].sort(byName);
  return parts.flatMap((part) => {
    const child = draft.children.get(part);
    return child ? nodesOf(child, { label: part, above }, tensors) : [];
  });
}

function nodesOf(
  draft: Draft,
  { label, above }: { label: string; above: string },
  tensors: readonly CheckpointTensor[],
): TreeNode[] {
  const path = above === '' ? label : `${above}.${label}`;
  const [only, ...others] = draft.children;
  if (draft.tensor === undefined && only && others.length === 0)
    return nodesOf(only[1], { label: `${label}.${only[0]}`, above }, tensors);
  const children = finish(draft, path, tensors);
  const leaf = draft.tensor === undefined ? [] : [leafOf(draft.tensor, { path, label }, tensors)];
  // A tensor may bear the name of a module, too (`a` beside `a.b`): both are shown.
  return children.length === 0 ? leaf : [...leaf, moduleOf({ path, label }, children)];
}

function leafOf(
  tensor: number,
  name: { path: string; label: string },
  tensors: readonly CheckpointTensor[],
): TreeNode {
  const entry = tensors[tensor];
  const values = entry ? valuesIn(entry) : 0;
  const bytes = entry ? entry.end - entry.begin : 0;
  return { ...name, children: [], tensor, tensors: 1, values, bytes };
}

function moduleOf(name: { path: string; label: string }, children: readonly TreeNode[]): TreeNode {
  const sum = (key: 'tensors' | 'values' | 'bytes') =>
    children.reduce((total, child) => total + child[key], 0);
  return {
    // A trailing dot keeps it apart from a tensor of the same name.
    path: `${name.path}.`,
    label: name.label,
    children,
    tensors: sum('tensors'),
    values: sum('values'),
    bytes: sum('bytes'),
  };
}

/**
 * The lines on screen, top to bottom.
 * @param isExpanded of a module's path
 */
export function visibleRows(
  roots: readonly TreeNode[],
  isExpanded: (path: string) => boolean,
): TreeRow[] {
  const rows: TreeRow[] = [];
  const visit = (nodes: readonly TreeNode[], level: number): void =>
    nodes.forEach((node, i) => {
      const expanded = node.children.length > 0 && isExpanded(node.path);
      rows.push({ node, level, expanded, place: i + 1, siblings: nodes.length });
      if (expanded) visit(node.children, level + 1);
    });
  visit(roots, 1);
  return rows;
}

/** Modules to open at first: level by level, as long as no more than `lines` lines come of it. */
export function initiallyExpanded(roots: readonly TreeNode[], lines = 40): string[] {
  const open: string[] = [];
  let level = roots.filter(({ children }) => children.length > 0);
  let shown = roots.length;
  while (level.length > 0) {
    shown += level.reduce((sum, { children }) => sum + children.length, 0);
    if (shown > lines) break;
    open.push(...level.map(({ path }) => path));
    level = level.flatMap(({ children }) => children.filter((c) => c.children.length > 0));
  }
  return open;
}

/** Every module. */
export function allModules(roots: readonly TreeNode[]): string[] {
  return roots.flatMap(({ path, children }) =>
    children.length > 0 ? [path, ...allModules(children)] : [],
  );
}

/** Indices of the tensors whose name, dtype or shape hold every word of the filter. */
export function matching(
  tensors: readonly CheckpointTensor[],
  filter: string,
  file: number | undefined,
): number[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return tensors.flatMap((tensor, index) => {
    if (file !== undefined && tensor.file !== file) return [];
    const text = `${tensor.name} ${tensor.dtype} [${tensor.shape.join(',')}]`.toLowerCase();
    return words.every((word) => text.includes(word)) ? [index] : [];
  });
}
