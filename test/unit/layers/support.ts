import { applyEvent, emptyRunModel, type RunModel } from '../../../src/shared/run-model';
import { layersOfRun, type MeasuredLayers } from '../../../src/shared/layers/measured-layers';
import {
  syntheticEvents,
  syntheticManifest,
  type SyntheticOptions,
} from '../../support/synthetic-run';

export function syntheticModel(options: SyntheticOptions = {}): RunModel {
  const model = emptyRunModel(syntheticManifest(options));
  for (const event of syntheticEvents(options)) applyEvent(model, event);
  return model;
}

/** The measured layers of the synthetic run. */
export function syntheticLayers(options: SyntheticOptions = {}): MeasuredLayers {
  const layers = layersOfRun(syntheticModel(options));
  if (!layers) throw new Error('the synthetic run measures its layers');
  return layers;
}

/** The same with other values in some columns. */
export function withValues(
  layers: MeasuredLayers,
  values: MeasuredLayers['values'],
): MeasuredLayers {
  return { ...layers, values: { ...layers.values, ...values } };
}
