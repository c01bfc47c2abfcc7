import type { ModuleInfo } from '../../src/shared/run-manifest';
import type { ScopeId } from '../../src/shared/inspection/spaces';
import { shortModuleName } from './format';

const BLOCK = /^block\.(\d+)$/;

/** What a scope is called on an axis: `all modules`, `block 3`, `3 · query`. */
export function scopeNames(
  scopes: readonly ScopeId[],
  modules: readonly ModuleInfo[],
): ReadonlyMap<ScopeId, string> {
  const short = scopes.map((scope) => shortName(scope, modules));
  const names = scopes.map((scope, i) => {
    const name = short[i] ?? scope;
    // Two dense layers in one block: the last part of the path does not tell them apart.
    return short.indexOf(name) === short.lastIndexOf(name) ? name : longName(scope, modules);
  });
  return new Map(scopes.map((scope, i) => [scope, names[i] ?? scope]));
}

/** From the input to the output of the model; what is no place in it comes first. */
export function byDepth(
  scopes: Iterable<ScopeId>,
  modules: readonly ModuleInfo[],
): readonly ScopeId[] {
  const place = new Map(modules.map(({ path }, i) => [path, i]));
  const of = (scope: ScopeId) => {
    const block = BLOCK.exec(scope)?.[1];
    if (block !== undefined) return Number(block);
    return place.get(scope) ?? -1;
  };
  return [...new Set(scopes)].sort((a, b) => of(a) - of(b));
}

function shortName(scope: ScopeId, modules: readonly ModuleInfo[]): string {
  if (scope === 'all') return 'all modules';
  const block = BLOCK.exec(scope)?.[1];
  if (block !== undefined) return `block ${block}`;
  const module = modules.find(({ path }) => path === scope);
  return module ? shortModuleName(module) : scope;
}

function longName(scope: ScopeId, modules: readonly ModuleInfo[]): string {
  const layer = modules.find(({ path }) => path === scope)?.layer;
  if (layer === null || layer === undefined) return scope;
  const marker = `.${layer}.`;
  const at = scope.indexOf(marker);
  return at < 0 ? scope : `${layer} · ${scope.slice(at + marker.length)}`;
}
