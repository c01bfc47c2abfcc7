import type { TreeRow } from '../../src/shared/checkpoint/tree';

/** What a key does to a tree: `at` is the index of the line it does it to. */
export interface TreeMove {
  readonly do: 'select' | 'toggle' | 'activate';
  readonly at: number;
}

interface TreePlace {
  readonly rows: readonly TreeRow[];
  /** Index of the selected line, or −1. */
  readonly at: number;
  /** Lines on a screen. */
  readonly page: number;
}

/** The keys of a tree grid as the ARIA practices have them; undefined for any other. */
export function moveInTree(key: string, place: TreePlace): TreeMove | undefined {
  const { rows, at, page } = place;
  if (rows.length === 0) return undefined;
  const select = (index: number): TreeMove => ({
    do: 'select',
    at: Math.min(rows.length - 1, Math.max(0, index)),
  });
  switch (key) {
    case 'ArrowDown':
      return select(at + 1);
    case 'ArrowUp':
      return select(at < 0 ? 0 : at - 1);
    case 'PageDown':
      return select(at + page);
    case 'PageUp':
      return select(at - page);
    case 'Home':
      return select(0);
    case 'End':
      return select(rows.length - 1);
    case 'ArrowRight':
      return inwards(place);
    case 'ArrowLeft':
      return outwards(place);
    case 'Enter':
    case ' ':
      return at < 0 ? undefined : { do: 'activate', at };
    default:
      return undefined;
  }
}

/** Opens a closed module; of an open one, its first child. */
function inwards({ rows, at }: TreePlace): TreeMove | undefined {
  const row = rows[at];
  if (!row || row.node.children.length === 0) return undefined;
  return row.expanded ? { do: 'select', at: at + 1 } : { do: 'toggle', at };
}

/** Closes an open module; of anything else, its parent. */
function outwards({ rows, at }: TreePlace): TreeMove | undefined {
  const row = rows[at];
  if (!row) return undefined;
  if (row.expanded) return { do: 'toggle', at };
  let parent = at - 1;
  while (parent >= 0 && (rows[parent]?.level ?? 0) >= row.level) parent--;
  return parent < 0 ? undefined : { do: 'select', at: parent };
}
