import { describe, expect, it } from 'vitest';
import { CostMeter } from '../../../src/engine/inspect/cost-meter';
import { expandUnits } from '../../../src/engine/inspect/units';
import { isUserError } from '../../../src/shared/errors';
import { parseInspectionRequest } from '../../../src/shared/inspection/parse-request';
import { PRESET_NAMES, PRESETS } from '../../../src/shared/inspection/presets';
import type { InspectionTaskInput } from '../../../src/shared/inspection/request';

function request(tasks: readonly InspectionTaskInput[]) {
  return parseInspectionRequest({ subject: { kind: 'run', run: '/run' }, tasks });
}

describe('the cost meter', () => {
  /** Two units of 1 gradient and 2 forwards; a forward takes 10 ms, a gradient 50. */
  function meter(elapsedMs = 0) {
    let clock = 0;
    const total = { forwards: 4, gradients: 2 };
    const times = { forward: 20, gradient: 60 };
    const cost = new CostMeter({ total, elapsedMs, times, now: () => clock });
    const pass = (kind: 'forward' | 'gradient', ms: number, share = 1) => {
      cost.pass(kind, share);
      clock += ms;
    };
    return { cost, pass };
  }

  it('starts from the timed pass, and goes on with what passes have taken', () => {
    const { cost, pass } = meter();
    expect(cost.progress).toEqual({ fraction: 0, elapsedMs: 0, remainingMs: 200 });
    cost.begin({ forwards: 2, gradients: 1 });
    pass('gradient', 25, 0.5);
    pass('gradient', 25, 0.5);
    pass('forward', 10);
    pass('forward', 10);
    cost.end();
    expect(cost.progress).toEqual({ fraction: 0.5, elapsedMs: 70, remainingMs: 70 });
  });

  it('a unit that takes more, or less, than expected neither runs over nor stands still', () => {
    const { cost, pass } = meter(1000);
    cost.begin({ forwards: 2, gradients: 1 });
    for (let i = 0; i < 50; i++) pass('forward', 10);
    expect(cost.progress.fraction).toBeLessThanOrEqual(0.5);
    expect(cost.progress.elapsedMs).toBe(1500);
    cost.end();
    cost.begin({ forwards: 2, gradients: 1 });
    cost.end();
    expect(cost.progress).toMatchObject({ fraction: 1, remainingMs: 0 });
  });
});

const paths = [0, 1].flatMap((layer) =>
  ['query', 'value'].map((kind) => `bert.encoder.layer.${layer}.attention.self.${kind}`),
);
const linears = [...paths, 'bert.pooler.dense'].map((path) => ({ path, out: 4, in: 4 }));
const model = {
  modules: paths.map((path) => ({
    ...{ path, out: 4, in: 4, rank: 2, scaling: 1, loraA: `${path}.A`, loraB: `${path}.B` },
  })),
  linears,
};
const scopes = (task: InspectionTaskInput, of: typeof model = model) =>
  expandUnits(request([task]), of).map(({ rho, scopes: all }) => ({
    rho,
    ids: all.map(({ id }) => id),
  }));

describe('the units of a request', () => {
  it('are scopes by radii, once each, and without radii for what has none', () => {
    expect(scopes({ measure: 'sam', scope: 'blocks', rho: [0.1, 0.2, 0.1] })).toEqual([
      { rho: 0.1, ids: ['block.0', 'block.1'] },
      { rho: 0.2, ids: ['block.0', 'block.1'] },
    ]);
    expect(scopes({ measure: 'hessian-trace', scope: 'modules', rho: [0.1, 0.2] })).toEqual([
      { rho: undefined, ids: paths },
    ]);
  });

  it('`only` takes modules by the endings of their paths, whole parts of them', () => {
    const only = (...endings: string[]) =>
      scopes({ measure: 'sam', scope: 'modules', only: endings });
    expect(only('query')[0]?.ids).toEqual([paths[0], paths[2]]);
    expect(only('layer.1.attention.self.value', 'query')[0]?.ids).toEqual(
      [0, 2, 3].map((i) => paths[i]),
    );
    expect(() => only('uery')).toThrow('no module');
  });

  it('in full W may be any linear where they are named, and are the adapted ones else', () => {
    const full = { measure: 'sam', space: 'full', scope: 'modules' } as const;
    expect(scopes(full)[0]?.ids).toEqual(paths);
    expect(scopes({ ...full, only: ['pooler.dense'] })[0]?.ids).toEqual(['bert.pooler.dense']);
    expect(scopes(full, { modules: [], linears })[0]?.ids).toHaveLength(5);
    const blocks = () => scopes({ ...full, only: ['pooler.dense'], scope: 'blocks' });
    expect(blocks).toThrow('nothing to measure');
  });
});

describe('a request', () => {
  it('of each preset is valid', () => {
    for (const name of PRESET_NAMES)
      expect(request(PRESETS[name].tasks).tasks.length).toBeGreaterThan(0);
  });

  it('is refused at the key that is wrong', () => {
    const wrong = (task: Record<string, unknown>) => {
      try {
        return parseInspectionRequest({ subject: { kind: 'run', run: 'r' }, tasks: [task] });
      } catch (error) {
        if (!isUserError(error)) throw error;
        return { at: error.place?.at, expected: error.expected, found: error.found };
      }
    };
    expect(wrong({ measure: 'sharpness' })).toMatchObject({
      at: 'tasks.0.measure',
      found: '"sharpness"',
    });
    expect(wrong({ measure: 'sam', rho: [-1] })).toMatchObject({
      at: 'tasks.0.rho.0',
      found: '-1',
    });
    expect(wrong({ measure: 'sam', rhos: [1] })).toMatchObject({
      at: 'tasks.0.rhos',
      found: 'rhos',
    });
  });
});
