import type { LandscapeMeasureName } from '../../shared/inspection/measures';
import { adaptiveWorstL2, adaptiveWorstLinf } from './adaptive-worst';
import { averageL2, averageLinf } from './average';
import { criticalSharpness } from './critical-sharpness';
import { firstOrderFlatness } from './first-order-flatness';
import { keskar } from './keskar';
import { lpf } from './lpf';
import { gaussNewtonTop, gaussNewtonTrace } from './gauss-newton';
import { hessianTop } from './hessian-top';
import { hessianTrace } from './hessian-trace';
import { hessianTraceHutchpp } from './hutchpp';
import type { LandscapeMeasure } from './measure';
import { powerIterationTop } from './power-iteration';
import { relativeFlatness } from './relative-flatness';
import { sam } from './sam';
import { samSteps } from './sam-steps';
import { slice1d, slice2d } from './slices/slice';
import { hessianDensity } from './spectral-density';

/** The implementation of every landscape measure; the compiler keeps names and files in step. */
export const LANDSCAPE: Readonly<Record<LandscapeMeasureName, LandscapeMeasure>> = {
  sam,
  'sam-steps': samSteps,
  'adaptive-worst-l2': adaptiveWorstL2,
  'adaptive-worst-linf': adaptiveWorstLinf,
  'average-l2': averageL2,
  'average-linf': averageLinf,
  lpf,
  keskar,
  'first-order-flatness': firstOrderFlatness,
  'critical-sharpness': criticalSharpness,
  'relative-flatness': relativeFlatness,
  'hessian-top': hessianTop,
  'power-iteration': powerIterationTop,
  'hessian-trace': hessianTrace,
  'hessian-trace-hutchpp': hessianTraceHutchpp,
  'hessian-density': hessianDensity,
  'gauss-newton-top': gaussNewtonTop,
  'gauss-newton-trace': gaussNewtonTrace,
  'slice-1d': slice1d,
  'slice-2d': slice2d,
};
