import { LAYER_KEYS, type LayerKey } from './columns';
import type { MeasuredLayers } from './measured-layers';

/** How the lines of the layers document follow each other. */
export interface LayerOrder {
  readonly by: LayerKey | 'model';
  readonly descending: boolean;
  /** Whether modules stay within their transformer block. */
  readonly blocks: boolean;
}

export const DEFAULT_ORDER: LayerOrder = { by: 'sharpness', descending: true, blocks: true };

/** Modules by index, in order. */
export interface LayerBlock {
  /** Index of the transformer block; null: modules outside of any. */
  readonly layer: number | null;
  readonly modules: readonly number[];
}

/** Modules by index, those without a value last in both directions. */
export function ranked(layers: MeasuredLayers, { by, descending }: LayerOrder): number[] {
  const indices = layers.modules.map((_, index) => index);
  const column = by === 'model' ? undefined : layers.values[by];
  const sign = descending ? -1 : 1;
  return column
    ? indices.sort((a, b) => compare(column[a] ?? NaN, column[b] ?? NaN, sign))
    : indices;
}

/** The same by block; the block of the first module comes first, so the extreme is at the top. */
export function inBlocks(layers: MeasuredLayers, order: LayerOrder): LayerBlock[] {
  const blocks = new Map<number | null, number[]>();
  for (const index of ranked(layers, order)) {
    const layer = layers.modules[index]?.layer ?? null;
    const block = blocks.get(layer);
    if (block) block.push(index);
    else blocks.set(layer, [index]);
  }
  return [...blocks].map(([layer, modules]) => ({ layer, modules }));
}

/** `sort=sharpness&order=descending&blocks=true` */
export function writeOrder({ by, descending, blocks }: LayerOrder): string {
  return `sort=${by}&order=${descending ? 'descending' : 'ascending'}&blocks=${blocks}`;
}

/** Anybody may write an address: what is not understood is the default. */
export function readOrder(query: string): LayerOrder {
  const parts = new Map(query.split('&').map((part) => part.split('=', 2) as [string, string]));
  const by = parts.get('sort');
  const known = by === 'model' ? by : LAYER_KEYS.find((key) => key === by);
  return {
    by: known ?? DEFAULT_ORDER.by,
    descending: parts.get('order') !== 'ascending',
    blocks: parts.get('blocks') !== 'false',
  };
}

function compare(x: number, y: number, sign: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x === y ? 0 : sign * (x < y ? -1 : 1);
}
