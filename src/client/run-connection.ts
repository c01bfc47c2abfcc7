import { RUN_EVENTS, type RunEvent } from '../shared/events';
import { applyEvent, type RunModel } from '../shared/run-model';
import { connectJob, type ConnectionState, type JobConnection } from './job-connection';
import { foldRun } from './run-store';

export type { ConnectionState };

/** A run as it unfolds. */
export type RunConnection = JobConnection<RunModel, RunEvent>;

/**
 * Reads the journal to its end, then joins the control socket at the next `seq`.
 * @throws UserError as `openRun`; `engine-unreachable` when a live process does not answer
 */
export function connectRun(directory: string): Promise<RunConnection> {
  return connectJob({ codec: RUN_EVENTS, fold: foldRun, apply: applyEvent }, directory);
}
