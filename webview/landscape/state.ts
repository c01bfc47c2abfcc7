import { describeError } from '../../src/shared/errors';
import type { CardView } from '../../src/shared/inspection/messages';
import type { InspectionModel } from '../../src/shared/inspection/model';
import type { Theme } from '../charts/theme';
import type { TaskUnits } from '../data/inspection-units';

/** What the user chose to see; outlives reloads. */
export interface ViewOptions {
  table: boolean;
  /** By index of the task. */
  cards: Record<string, CardView>;
}

export interface LandscapePageState {
  model?: InspectionModel;
  connection: 'live' | 'ended' | 'interrupted' | 'connecting';
  trusted: boolean;
  /** False when the extension has not been heard for three heartbeats. */
  heard: boolean;
  failure?: { message: string; remedy?: string };
  view: ViewOptions;
}

/** What a card draws from. */
export interface DrawContext {
  readonly model: InspectionModel;
  readonly units: TaskUnits;
  readonly card: CardView;
  readonly view: ViewOptions;
  readonly theme: Theme;
}

/** Why there are no cards, in a sentence; `undefined` when there are. */
export function emptyReason({ model, failure }: LandscapePageState): string | undefined {
  if (model) return undefined;
  return failure
    ? `The inspection could not be read: ${failure.message}. ${failure.remedy ?? ''}`
    : 'Reading the inspection…';
}

/** Why a task has nothing to draw. */
export function unmeasured({ model, units }: DrawContext): string {
  const [failure] = units.failures;
  if (failure) return failure.text;
  if (model.error) return `Not measured: ${describeError(model.error)}`;
  if (model.status === 'running') return `Not measured yet. The engine says: ${model.phase}.`;
  if (model.status === 'completed') return 'Nothing was measured: no module is in its scope.';
  return `Not measured: the inspection was ${model.status} before. Resume measures the rest.`;
}

/** True while its process can be told something. */
export function canStop({ connection, heard, model }: LandscapePageState): boolean {
  return connection === 'live' && heard && model?.status === 'running';
}

/** True when a process can be started that measures the rest, or tries again what failed. */
export function canResume({ connection, heard, model, trusted }: LandscapePageState): boolean {
  if (!model || !heard || !trusted) return false;
  if (connection === 'interrupted' || model.status === 'interrupted') return true;
  if (connection !== 'ended') return false;
  return model.status === 'completed' ? model.failures.size > 0 : model.status !== 'running';
}
