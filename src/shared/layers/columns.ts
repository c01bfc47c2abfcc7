import { QUANTITIES, type QuantityKey } from '../quantities';

/** A column of the layers document; in plain letters, so that it can be typed into a search box. */
export interface LayerColumn {
  readonly key: LayerKey;
  /** Head of the column. */
  readonly head: string;
  readonly summary: string;
  /** Absent for the sharpness: that of its measurement. */
  readonly space?: string;
}

/** What is shown of a module: the run's quantities, and what follows from them. */
export type LayerKey = QuantityKey | 'share';

/** In the order of the document. */
export const LAYER_COLUMNS: readonly LayerColumn[] = [
  column('sharpness', 'sharpness'),
  {
    key: 'share',
    head: 'share',
    summary: 'Part of the sum of all positive sharpnesses.',
  },
  column('balancedness', 'balancedness'),
  column('normA', 'norm_A'),
  column('normB', 'norm_B'),
  column('normDeltaW', 'norm_dW'),
  column('kappaA', 'kappa_A'),
  column('kappaB', 'kappa_B'),
  column('rhoEffRatio', 'rho_eff/rho'),
];

export const LAYER_KEYS = LAYER_COLUMNS.map(({ key }) => key);

/** Head of a column in Markdown tables and hints. */
export function labelOf(key: LayerKey): string {
  return key === 'share' ? 'share' : QUANTITIES[key].label;
}

function column(key: QuantityKey, head: string): LayerColumn {
  const { summary, space } = QUANTITIES[key];
  return { key, head, summary, ...(key !== 'sharpness' && { space }) };
}
