import { describe, expect, it } from 'vitest';
import {
  decomposedStart,
  type DecomposedInit,
} from '../../../src/engine/adapters/decomposed-start';
import { generatorFor, normal } from '../../../src/engine/adapters/initialise';
import type { AdaptedModule } from '../../../src/engine/adapters/trainable-model';
import { multiply } from '../../../src/engine/algebra/small-matrix';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { FIXTURES } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';

/** PEFT decomposes in float32. */
const PEFT_FLOAT32 = 1e-5;
/** The residual is rounded to float32 once. */
const ROUNDING = 1e-6;

function moduleOf(out: number, inputs: number, rank: number, scaling: number): AdaptedModule {
  return { path: 'm', out, in: inputs, rank, scaling, loraA: 'm.lora_A.weight', loraB: 'm.lora_B' };
}

describe.each([
  ['pissa', 'pissa', 2],
  ['pissa-rslora', 'pissa', 4],
  ['olora', 'olora', 2],
] as const)('%s', (fixture, init, scaling) => {
  it('starts as PEFT does, up to the sign of each direction', async () => {
    const base = await openSafetensors(`${FIXTURES}/bert-cls/model/model.safetensors`);
    const file = await openSafetensors(`${FIXTURES}/adapters/${fixture}/expected.safetensors`);
    const residuals = [...file.tensors.keys()].filter((key) => key.startsWith('residual.'));
    expect(residuals).toHaveLength(4);
    for (const key of residuals) {
      const name = key.slice('residual.'.length);
      const weight = (await base.readF32(name)).values;
      const factor = async (which: string) =>
        (
          await file.readF32(
            `start.base_model.model.${name.replace('.weight', `.lora_${which}.weight`)}`,
          )
        ).values;
      const [a, b] = [await factor('A'), await factor('B')];
      const ours = decomposedStart(weight, moduleOf(32, 32, 4, scaling), init, 1);
      expect(relativeError(ours.residual, (await file.readF32(key)).values)).toBeLessThan(
        PEFT_FLOAT32,
      );
      expect(relativeError(ours.loraA.map(Math.abs), a.map(Math.abs))).toBeLessThan(PEFT_FLOAT32);
      expect(relativeError(ours.loraB.map(Math.abs), b.map(Math.abs))).toBeLessThan(PEFT_FLOAT32);
    }
    await base.close();
    await file.close();
  });
});

describe('any decomposition', () => {
  const shapes = [
    [9, 14],
    [14, 9],
  ] as const;
  const inits: DecomposedInit[] = ['pissa', 'pissa_niter_0', 'pissa_niter_8', 'olora'];
  const cases = shapes.flatMap(([out, inputs]) =>
    inits.map((init) => [init, out, inputs] as const),
  );

  it.each(cases)('%s of [%d, %d] leaves the weight as it was', (init, out, inputs) => {
    const weight = normal(out * inputs, 1, generatorFor(3, 'w'));
    const { loraA, loraB, residual } = decomposedStart(
      weight,
      moduleOf(out, inputs, 3, 2.5),
      init,
      1,
    );
    const product = multiply(loraB, loraA, { rows: out, inner: 3, columns: inputs });
    const sum = residual.map((value, i) => value + 2.5 * (product[i] as number));
    expect(relativeError(sum, weight)).toBeLessThan(ROUNDING);
  });

  it('by many iterations is the exact one', () => {
    const weight = normal(20 * 30, 1, generatorFor(4, 'w'));
    const start = (init: DecomposedInit) =>
      decomposedStart(weight, moduleOf(20, 30, 3, 1), init, 1).residual;
    expect(relativeError(start('pissa_niter_400'), start('pissa'))).toBeLessThan(PEFT_FLOAT32);
    expect(relativeError(start('pissa_niter_0'), start('pissa'))).toBeGreaterThan(1e-2);
  });

  it('leaves least of the weight when exact', () => {
    const weight = normal(20 * 30, 1, generatorFor(5, 'w'));
    const norms = inits.map((init) => {
      const { residual } = decomposedStart(weight, moduleOf(20, 30, 3, 1), init, 1);
      return residual.reduce((sum, value) => sum + value * value, 0);
    });
    expect(Math.min(...norms)).toBeCloseTo(norms[0] as number, 6);
  });

  it('refuses a rank that the weight cannot have', () => {
    const weight = new Float32Array(12);
    expect(() => decomposedStart(weight, moduleOf(3, 4, 4, 1), 'pissa', 1)).toThrow(
      expect.objectContaining({ code: 'adapter-rank', found: '4' }) as Error,
    );
  });
});
