import * as tf from '@tensorflow/tfjs-core';
import type { StateTensors } from './optimizer';

/** Moments by parameter key: replaced whole at every step, saved and restored by name. */
export class Moments {
  private tensors = new Map<string, tf.Tensor>();

  /** @param prefix distinguishes several moments of one parameter in a checkpoint */
  constructor(private readonly prefix: string) {}

  get(key: string): tf.Tensor | undefined {
    return this.tensors.get(key);
  }

  replace(key: string, value: tf.Tensor): void {
    this.tensors.get(key)?.dispose();
    this.tensors.set(key, tf.keep(value));
  }

  async save(): Promise<StateTensors> {
    const entries = [...this.tensors].map(
      async ([key, tensor]) =>
        [
          `${this.prefix}.${key}`,
          { shape: tensor.shape, values: (await tensor.data()) as Float32Array },
        ] as const,
    );
    return new Map(await Promise.all(entries));
  }

  restore(state: StateTensors): void {
    this.dispose();
    for (const [name, { shape, values }] of state)
      if (name.startsWith(`${this.prefix}.`))
        this.tensors.set(name.slice(this.prefix.length + 1), tf.tensor(values, shape));
  }

  dispose(): void {
    tf.dispose([...this.tensors.values()]);
    this.tensors = new Map();
  }
}
