/** Runs inside the page: makes a large run there, so that only the page's own work is measured. */
import '../../../webview/page/no-eval';
import { packRun } from '../../../src/shared/run-snapshot';
import { syntheticEvents, type SyntheticOptions } from '../../support/synthetic-run';
import { fold } from './synthetic-model';

Object.assign(globalThis, {
  /** Leaves a snapshot without the run's last step, and that step's event, for the test to post. */
  makeRun(options: SyntheticOptions) {
    const events = syntheticEvents(options);
    const [last] = events.splice(-1);
    Object.assign(globalThis, { snapshot: packRun(fold(options, events)), last });
  },
});
