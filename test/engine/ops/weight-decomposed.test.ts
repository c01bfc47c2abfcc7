import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cpu } from '../../../src/engine/backends/cpu';
import { dropoutMask, dropoutOf } from '../../../src/engine/ops/dropout';
import { frozenLinear } from '../../../src/engine/ops/linear';
import { weightDecomposedLinear } from '../../../src/engine/ops/weight-decomposed';
import { relativeError } from '../../support/reference-model';
import { fixed } from './differences';

/** float32 sums of a dozen terms. */
const TOLERANCE = 1e-6;

/** Small, as an update is: where sBA cancelled W0 the norms would lose digits in proportion. */
const scaling = 0.2;
const [rows, inputs, out, rank] = [4, 6, 5, 2];
const numbers = (tensor: tf.Tensor) => tensor.dataSync() as Float32Array;

beforeAll(() => cpu.start());

describe('a weight-decomposed linear', () => {
  it.each([0, 0.4])('is PEFT’s formula written out, with dropout %d', (p) => {
    const [x, w, b] = [fixed([rows, inputs]), fixed([out, inputs], 1), fixed([out], 2)];
    const [loraA, loraB] = [fixed([rank, inputs], 3), fixed([out, rank], 4)];
    const magnitude = fixed([out], 5) as tf.Tensor1D;
    const drop = p > 0 ? dropoutOf(p, 7, 0) : undefined;
    const ours = weightDecomposedLinear(x as tf.Tensor2D, {
      frozen: frozenLinear(numbers(w), numbers(b), [out, inputs]),
      rowSquares: tf.sum(tf.square(w), 1),
      pair: { a: loraA as tf.Tensor2D, b: loraB as tf.Tensor2D, scaling },
      ...{ magnitude, drop },
    });

    // result + (g − 1) W0 x′ + g s B A x′, with result = W0 x + b of the clean x
    const seen = drop ? tf.mul(x, tf.tensor(dropoutMask(x.size, drop), x.shape)) : x;
    const product = (v: tf.Tensor, m: tf.Tensor) => tf.matMul(v, m, false, true);
    const v = tf.add(w, tf.mul(tf.matMul(loraB, loraA), scaling));
    const g = tf.div(magnitude, tf.norm(v, 'euclidean', 1));
    const expected = tf.addN([
      tf.add(product(x, w), b),
      tf.mul(product(seen, w), tf.sub(g, 1)),
      tf.mul(tf.mul(product(product(seen, loraA), loraB), scaling), g),
    ]);
    expect(relativeError(numbers(ours), numbers(expected))).toBeLessThan(TOLERANCE);
  });
});
