import type { TrainableModel, ParameterMap } from '../../src/engine/adapters/trainable-model';
import type { Batch } from '../../src/engine/data/batch';
import {
  createCoordinates,
  type OwnedCoordinates,
} from '../../src/engine/landscape/make-coordinates';
import type { MeasureContext, PointBody } from '../../src/engine/landscape/measure';
import { createObjective, type Objective } from '../../src/engine/landscape/objective';
import { inspectionTaskSchema } from '../../src/shared/inspection/request';

export interface SliceSetting {
  readonly model: TrainableModel;
  readonly parameters: ParameterMap;
  readonly batches: readonly Batch[];
  /** Of the inspection’s task. */
  readonly task: Readonly<Record<string, unknown>>;
  readonly points?: MeasureContext['points'];
  readonly onPoint?: MeasureContext['onPoint'];
  /** Owners that move; without it all. */
  readonly owners?: (owner: string) => boolean;
  readonly onPass?: () => void;
}

/** A context of a slice, with what it emits; `dispose` frees its coordinates and objective. */
export async function sliceContext(setting: SliceSetting): Promise<{
  readonly context: MeasureContext;
  readonly emitted: PointBody[];
  dispose(): void;
}> {
  const { model, parameters, batches, owners, onPass } = setting;
  const task = inspectionTaskSchema.parse({ measure: 'slice-2d', ...setting.task });
  const whole: OwnedCoordinates = await createCoordinates({
    ...{ space: task.space, model, parameters },
  });
  const chosen = whole.blocks.filter(({ owner }) => owners?.(owner) ?? true);
  const coordinates = owners ? whole.restrict('part', chosen) : whole;
  const depth = Math.min(...coordinates.keys.map((key) => model.depthOf(key)));
  const objective: Objective = createObjective({
    ...{ model, batches, depth },
    ...(onPass && { onPass }),
  });
  const emitted: PointBody[] = [];
  const context: MeasureContext = {
    ...{ id: coordinates.scope, coordinates, objective, task, rho: 0, samples: [] },
    points: setting.points ?? [],
    onSample: () => undefined,
    onPoint: (point) => {
      emitted.push(point);
      setting.onPoint?.(point);
    },
  };
  return {
    context,
    emitted,
    dispose: () => {
      objective.dispose();
      whole.dispose();
    },
  };
}
