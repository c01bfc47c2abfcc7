import { INSPECTION_EVENTS, type InspectionEvent } from '../shared/inspection/events';
import { applyInspectionEvent, type InspectionModel } from '../shared/inspection/model';
import { foldInspection } from './inspection-store';
import { connectJob, type JobConnection } from './job-connection';

/** An inspection as it unfolds; it accepts the requests `stop` and `ping`. */
export type InspectionConnection = JobConnection<InspectionModel, InspectionEvent>;

/**
 * Reads the journal to its end, then joins the control socket at the next `seq`.
 * @throws UserError as `openInspection`; `engine-unreachable` when a live process does not answer
 */
export function connectInspection(directory: string): Promise<InspectionConnection> {
  return connectJob(
    { codec: INSPECTION_EVENTS, fold: foldInspection, apply: applyInspectionEvent },
    directory,
  );
}
