import { moduleNames } from '../../shared/config/completion';
import { rangeOf } from '../../shared/config/locate';
import { nearest } from '../../shared/config/nearest';
import type { Config } from '../../shared/config/schema';
import type { EditorProblem } from './editor-problem';

/**
 * Items of `target_modules` that name no module of the model, by PEFT's rule for lists: the whole
 * path or its last parts. A regular expression is the engine's business.
 * @param modules paths of the model's modules
 */
export function unknownModules(
  text: string,
  fileName: string,
  config: Config,
  modules: readonly string[],
): EditorProblem[] {
  const targets = config.adapter.target_modules;
  if (!Array.isArray(targets)) return [];
  const names = moduleNames(modules);
  return targets.flatMap((target, index): EditorProblem[] => {
    if (modules.some((path) => path === target || path.endsWith(`.${target}`))) return [];
    const range = rangeOf(text, fileName, ['adapter', 'target_modules', index])?.value;
    if (!range) return [];
    const suggestion = nearest(target, names);
    const message = `the model has no module \`${target}\`; it has ${names.join(', ')}`;
    return [{ code: 'unknown-module', message, range, ...(suggestion && { suggestion }) }];
  });
}
