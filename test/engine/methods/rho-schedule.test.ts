import { describe, expect, it } from 'vitest';
import { rhoAt } from '../../../src/engine/methods/rho-schedule';
import type { Config } from '../../../src/shared/config/schema';
import { testConfig } from '../../support/bert-fixture';

const at = (fields: Partial<Config['method']>, step: number, lrFraction = 1) =>
  rhoAt(
    { ...testConfig().method, rho: 0.1, rho_final: 0.2, ...fields },
    { step, totalSteps: 11, stepsPerEpoch: 4, lrFraction },
  );

describe('rho_t', () => {
  it('starts at rho and ends at rho_final times it, for cosine and linear', () => {
    for (const rho_schedule of ['cosine', 'linear'] as const) {
      expect(at({ rho_schedule }, 1)).toBeCloseTo(0.1, 15);
      expect(at({ rho_schedule }, 6)).toBeCloseTo(0.06, 15);
      expect(at({ rho_schedule }, 11)).toBeCloseTo(0.02, 15);
    }
  });
  it('is rho/sqrt(t) for inv_sqrt, with t in steps or epochs', () => {
    expect(at({ rho_schedule: 'inv_sqrt' }, 4)).toBeCloseTo(0.05, 15);
    const rho_unit = 'epoch';
    expect(at({ rho_schedule: 'inv_sqrt', rho_unit }, 4)).toBeCloseTo(0.1, 15);
    expect(at({ rho_schedule: 'inv_sqrt', rho_unit }, 5)).toBeCloseTo(0.1 / Math.SQRT2, 15);
  });
  it('follows the learning rate for lr_proportional, and stays for constant', () => {
    expect(at({ rho_schedule: 'lr_proportional' }, 3, 0.25)).toBeCloseTo(0.025, 15);
    expect(at({ rho_schedule: 'constant' }, 9, 0.25)).toBe(0.1);
  });
});
