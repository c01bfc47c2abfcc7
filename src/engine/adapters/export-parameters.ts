import type { WritableTensor } from '../formats/safetensors-write';
import type { ParameterMap } from './trainable-model';

/** Parameters as an adapter file holds them: PEFT's keys, shapes and float32 values. */
export async function exportParameters(parameters: ParameterMap): Promise<WritableTensor[]> {
  return Promise.all(
    [...parameters].map(async ([name, tensor]) => ({
      name,
      shape: tensor.shape,
      values: (await tensor.data()) as Float32Array,
    })),
  );
}
