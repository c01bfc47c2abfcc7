import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { Optimizer } from './optimizer';
import { Moments } from './state';

/** AdamW in PyTorch's order: decay first, then the update with bias-corrected moments. */
export function createAdamw({ betas, eps, weight_decay }: Config['optimizer']): Optimizer {
  const [beta1, beta2] = betas;
  const first = new Moments('exp_avg');
  const second = new Moments('exp_avg_sq');

  const optimizer: Optimizer = {
    steps: 0,
    update(parameters, gradients, lr) {
      optimizer.steps += 1;
      const correction1 = 1 - beta1 ** optimizer.steps;
      const correction2 = 1 - beta2 ** optimizer.steps;
      const next = new Map<string, tf.Tensor>();
      for (const [key, p] of parameters) {
        const g = gradients.get(key);
        if (!g) throw new Error(`no gradient for ${key}`);
        const [value, m, v] = tf.tidy(() => {
          const mOld = first.get(key) ?? tf.zerosLike(p);
          const vOld = second.get(key) ?? tf.zerosLike(p);
          const mNew = tf.add(tf.mul(mOld, beta1), tf.mul(g, 1 - beta1));
          const vNew = tf.add(tf.mul(vOld, beta2), tf.mul(tf.square(g), 1 - beta2));
          const decayed = weight_decay > 0 ? tf.mul(p, 1 - lr * weight_decay) : p;
          const denominator = tf.add(tf.div(tf.sqrt(vNew), Math.sqrt(correction2)), eps);
          const update = tf.mul(tf.div(mNew, denominator), lr / correction1);
          return [tf.sub(decayed, update), mNew, vNew] as const;
        }) as unknown as readonly [tf.Tensor, tf.Tensor, tf.Tensor];
        first.replace(key, m);
        second.replace(key, v);
        next.set(key, value);
      }
      return next;
    },
    saveState: async () => new Map([...(await first.save()), ...(await second.save())]),
    restoreState(state, steps) {
      optimizer.steps = steps;
      first.restore(state);
      second.restore(state);
    },
    dispose() {
      first.dispose();
      second.dispose();
    },
  };
  return optimizer;
}
