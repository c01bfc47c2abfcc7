import type { RunEvent } from '../../../src/shared/events';
import { applyEvent, emptyRunModel, type RunModel } from '../../../src/shared/run-model';
import {
  syntheticEvents,
  syntheticManifest,
  type SyntheticOptions,
} from '../../support/synthetic-run';

/** The made-up run, folded up to `events` events. */
export function syntheticModel(options: SyntheticOptions = {}, count = Infinity): RunModel {
  return fold(options, syntheticEvents(options).slice(0, count));
}

export function fold(options: SyntheticOptions, events: readonly RunEvent[]): RunModel {
  const model = emptyRunModel(syntheticManifest(options));
  for (const event of events) applyEvent(model, event);
  return model;
}
