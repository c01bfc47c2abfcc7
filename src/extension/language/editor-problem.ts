import type { ConfigProblemCode } from '../../shared/config/parse';
import type { TextRange } from '../../shared/config/tree';

/** A problem that only a machine with the files can see, or one of the config's own. */
export interface EditorProblem {
  /** `run-failed`: what the engine refused when it was last asked. */
  readonly code: ConfigProblemCode | 'missing-file' | 'unknown-module' | 'run-failed';
  readonly message: string;
  readonly range: TextRange;
  readonly suggestion?: string;
}
