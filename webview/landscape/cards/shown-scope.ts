import type { ScopeId } from '../../../src/shared/inspection/spaces';
import type { DrawContext } from '../state';

/** The chosen scope if something is known of it, else the first that is. */
export function shownScope({
  units,
  card,
}: Pick<DrawContext, 'units' | 'card'>): ScopeId | undefined {
  if (card.scope !== undefined && units.scopes.includes(card.scope)) return card.scope;
  return units.scopes[0];
}

/** The choice that stands for all scopes in one picture. */
export const EVERY_SCOPE = '*';
