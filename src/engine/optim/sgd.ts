import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { Optimizer } from './optimizer';
import { Moments } from './state';

/** SGD with decoupled decay; momentum as in PyTorch, v ← μv + g, w ← w − ηv, v₁ = g₁. */
export function createSgd({ momentum, weight_decay }: Config['optimizer']): Optimizer {
  const velocity = new Moments('momentum_buffer');

  const optimizer: Optimizer = {
    steps: 0,
    update(parameters, gradients, lr) {
      optimizer.steps += 1;
      const next = new Map<string, tf.Tensor>();
      for (const [key, p] of parameters) {
        const g = gradients.get(key);
        if (!g) throw new Error(`no gradient for ${key}`);
        const before = velocity.get(key);
        const v = before ? tf.tidy(() => tf.add(tf.mul(before, momentum), g)) : tf.clone(g);
        next.set(
          key,
          tf.tidy(() => {
            const decayed = weight_decay > 0 ? tf.mul(p, 1 - lr * weight_decay) : p;
            return tf.sub(decayed, tf.mul(v, lr));
          }),
        );
        if (momentum > 0) velocity.replace(key, v);
        else v.dispose();
      }
      return next;
    },
    saveState: () => velocity.save(),
    restoreState(state, steps) {
      optimizer.steps = steps;
      velocity.restore(state);
    },
    dispose: () => velocity.dispose(),
  };
  return optimizer;
}
