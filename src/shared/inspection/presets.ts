import type { InspectionTaskInput } from './request';

/** Tasks that belong together, under a name. */
export interface InspectionPreset {
  readonly label: string;
  readonly summary: string;
  readonly tasks: readonly InspectionTaskInput[];
}

const TABLE = {
  layers: {
    label: 'Layers',
    summary: 'SAM sharpness and Hessian trace of each module, in the row space.',
    tasks: [
      { measure: 'sam', scope: 'modules', space: 'row' },
      { measure: 'hessian-trace', scope: 'modules', space: 'row' },
    ],
  },
  pyhessian: {
    label: 'PyHessian',
    summary:
      'PyHessian’s defaults on all trained parameters: top eigenvalue by power iteration (100 iterations, tolerance 1e-3), trace from 100 probes, spectral density of 100 Lanczos steps.',
    tasks: [
      {
        measure: 'power-iteration',
        space: 'trainable',
        steps: 100,
        tolerance: 1e-3,
        eigenvalues: 1,
      },
      { measure: 'hessian-trace', space: 'trainable', probes: 100 },
      { measure: 'hessian-density', space: 'trainable', steps: 100, probes: 1 },
    ],
  },
  landscape: {
    label: 'Landscape',
    summary: 'The loss over the plane of two random directions, filter-normalised.',
    tasks: [{ measure: 'slice-2d', space: 'full', directions: 'random', normalize: 'filter' }],
  },
} as const satisfies Record<string, InspectionPreset>;

export type PresetName = keyof typeof TABLE;

/** The presets of the CLI and the palette. */
export const PRESETS: Readonly<Record<PresetName, InspectionPreset>> = TABLE;

export const PRESET_NAMES = Object.keys(TABLE) as [PresetName, ...PresetName[]];
