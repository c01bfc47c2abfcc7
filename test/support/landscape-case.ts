import type { ParameterMap, TrainableModel } from '../../src/engine/adapters/trainable-model';
import type { Batch } from '../../src/engine/data/batch';
import {
  createCoordinates,
  type OwnedCoordinates,
} from '../../src/engine/landscape/make-coordinates';
import type { MeasureContext, SampleBody } from '../../src/engine/landscape/measure';
import { createObjective } from '../../src/engine/landscape/objective';
import { inspectionTaskSchema, type InspectionTask } from '../../src/shared/inspection/request';

interface CaseOptions {
  readonly model: TrainableModel;
  readonly parameters: ParameterMap;
  readonly batches: readonly Batch[];
  readonly task: Pick<InspectionTask, 'measure' | 'space'> & Partial<InspectionTask>;
  readonly samples?: MeasureContext['samples'];
  readonly onSample?: (sample: SampleBody) => void;
}

/** What a job hands to a measure, of all modules together. */
export async function measureCase(
  options: CaseOptions,
): Promise<MeasureContext & { readonly coordinates: OwnedCoordinates }> {
  const { model, parameters, batches, samples = [], onSample = () => undefined } = options;
  const task = inspectionTaskSchema.parse(options.task);
  return {
    ...{ id: 'all', task, samples, onSample, points: [], onPoint: () => undefined },
    coordinates: await createCoordinates({ space: task.space, model, parameters }),
    objective: createObjective({ model, batches }),
    rho: task.rho[0] ?? 0,
  };
}

/** Each module as a scope of its own. */
export function moduleScopes(context: MeasureContext): MeasureContext[] {
  const { blocks } = context.coordinates;
  return [...new Set(blocks.map(({ owner }) => owner))].map((id) => ({
    ...context,
    id,
    coordinates: context.coordinates.restrict(
      id,
      blocks.filter(({ owner }) => owner === id),
    ),
  }));
}
