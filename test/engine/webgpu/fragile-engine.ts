// The real engine, but the GPU goes away before the step that LOSE_GPU_AT names.
import * as tf from '@tensorflow/tfjs-core';
import { probeChild } from '../../../src/engine/runs/backend-commands';
import { engineMain } from '../../../src/engine/runs/engine-commands';
import { log } from '../../../src/engine/runs/log';
import { prepareRun } from '../../../src/engine/runs/prepare';
import type { PreparedRun } from '../../../src/engine/runs/run-session';
import type { Trainer } from '../../../src/engine/runs/trainer';

const unused = () => Promise.reject(new Error('not part of this engine'));

void engineMain(process.argv.slice(2), {
  prepare: async (source) => fragile(await prepareRun(source, log)),
  preflight: unused,
  inspectModel: unused,
  probeBackend: probeChild,
}).then((code) => process.exit(code));

function fragile(prepared: PreparedRun): PreparedRun {
  return {
    ...prepared,
    createTrainer: async (onEvent) => {
      const trainer: Trainer = await prepared.createTrainer(onEvent);
      return {
        ...trainer,
        step: (step) => {
          if (step === Number(process.env['LOSE_GPU_AT']))
            (tf.backend() as unknown as { device: GPUDevice }).device.destroy();
          return trainer.step(step);
        },
      };
    },
  };
}
