import { describe, expect, it } from 'vitest';
import { applyInspectionEvent, emptyInspectionModel } from '../../../src/shared/inspection/model';
import {
  layersOfInspection,
  sharpnessOfInspection,
  withInspection,
} from '../../../src/shared/layers/inspected-sharpness';
import { layersOfRun, median, withShares } from '../../../src/shared/layers/measured-layers';
import { emptyRunModel } from '../../../src/shared/run-model';
import { syntheticInspection, syntheticInspectionEvents } from '../../support/synthetic-inspection';
import { syntheticManifest } from '../../support/synthetic-run';
import { syntheticLayers, syntheticModel } from './support';

describe('the layers of a run', () => {
  it('are those of its last probe and its last step, with where they are from', () => {
    const model = syntheticModel({ steps: 50 });
    const layers = layersOfRun(model);
    expect(layers?.sharpness).toMatchObject({
      ...{ from: 'probe', step: 40, rho: 0.05, examples: 32, source: 'train', seed: 42 },
      space: 'row space of A',
      together: model.probes.at(-1)?.sharpness,
    });
    expect(layers?.training).toMatchObject({ step: 50, totalSteps: 50, rho: model.steps.rho[49] });
    expect(layers?.values.sharpness).toEqual(model.probeLayers.values.sharpness?.slice(-8));
    expect(layers?.values.kappaA).toEqual(model.stepLayers.values.kappaA?.slice(-8));
  });

  it('stop at the step of a checkpoint', () => {
    const layers = layersOfRun(syntheticModel({ steps: 50 }), 30);
    expect(layers?.sharpness?.step).toBe(20);
    expect(layers?.training?.step).toBe(30);
  });

  it('are none before anything was measured, and without modules', () => {
    expect(layersOfRun(emptyRunModel(syntheticManifest()))).toBeUndefined();
    expect(layersOfRun(syntheticModel({ adapter: 'head', method: 'none' }))).toBeUndefined();
  });

  it('have shares of the positive sharpness that sum to 1', () => {
    const { share } = withShares({ sharpness: [3, -5, 1, NaN] });
    expect(share).toEqual([0.75, 0, 0.25, NaN]);
    expect(withShares({ sharpness: [-1, 0] }).share).toEqual([NaN, NaN]);
    const sum = (syntheticLayers().values.share ?? []).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 12);
  });
});

describe('the layers of an inspection', () => {
  const later = Date.UTC(2027, 0, 1);

  it('replace the sharpness of an older probe, and nothing else', () => {
    const layers = syntheticLayers();
    const both = withInspection(layers, sharpnessOfInspection(inspection()));
    expect(both.values.sharpness).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(both.values.share?.[7]).toBeCloseTo(7 / 28, 12);
    expect(both.values.kappaA).toEqual(layers.values.kappaA);
    expect(both.sharpness).toMatchObject({
      ...{ from: 'inspection', step: 300, space: 'raw (A, B)', rho: 0.1, examples: 64, seed: 7 },
      ...{ source: 'train', time: later, together: 0.5 },
    });
  });

  it('do not replace a newer probe, or one of a later step', () => {
    const layers = syntheticLayers();
    const earlier = sharpnessOfInspection(inspection({ step: 200 }));
    expect(withInspection(layers, earlier)).toBe(layers);
    expect(withInspection(layers, sharpnessOfInspection(inspection({ time: 0 })))).toBe(layers);
  });

  it('are none before it is complete: shares of a part would mislead', () => {
    expect(sharpnessOfInspection(inspection({ ended: false }))).toBeUndefined();
  });

  it('stand alone for an adapter that was trained elsewhere', () => {
    const layers = layersOfInspection(inspection());
    expect(layers?.title).toBe('an inspected adapter');
    expect(Object.keys(layers?.values ?? {})).toEqual(['sharpness', 'share']);
    expect(layers?.training).toBeUndefined();
  });

  function inspection({ time = later, ended = true, step = 300 } = {}) {
    const { modules } = syntheticManifest();
    const subject = { kind: 'run', run: '/runs/one', step } as const;
    const options = { modules, time, subject, step, ended };
    const model = emptyInspectionModel(syntheticInspection(options));
    for (const event of syntheticInspectionEvents(options)) applyInspectionEvent(model, event);
    return model;
  }
});

describe('median', () => {
  it('is the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});
