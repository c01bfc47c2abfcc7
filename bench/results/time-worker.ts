import { readFileSync, writeFileSync } from 'node:fs';
import { readConfig } from '../../src/client/read-config';
import { prepareRun } from '../../src/engine/runs/prepare';
import type { Trainer } from '../../src/engine/runs/trainer';
import { memoryUse } from '../memory-use';
import type { TimeAnswer, TimeRequest } from './time';

// Entry of one contestant: the trainer of a run's config, in a process of its own.

let trainer: Trainer | undefined;
let taken = 0;

/** No divisor of the steps of a run: batches of all lengths come up early. */
const STRIDE = 7;

async function answer(request: TimeRequest): Promise<TimeAnswer> {
  if (request.do === 'load') {
    const { config } = await readConfig(request.configFile);
    const prepared = await prepareRun({ configFile: request.configFile, config }, () => undefined);
    trainer = await prepared.createTrainer(() => undefined);
    forgetPeak();
    return { backend: prepared.facts.backend.name };
  }
  if (!trainer) throw new Error('nothing is loaded');
  if (request.do === 'memory') return { peak: memoryUse().peakRss };
  const ms: number[] = [];
  for (let i = 0; i < request.count; i++) {
    const step = 1 + ((taken++ * STRIDE) % trainer.totalSteps);
    const started = performance.now();
    await trainer.step(step);
    ms.push(performance.now() - started);
  }
  return { ms };
}

/** From here on the high-water mark is that of the steps, and not of reading the weights. */
function forgetPeak(): void {
  if (process.platform !== 'linux') return;
  writeFileSync('/proc/self/clear_refs', '5');
  // Where the kernel does not know it, the mark would be that of loading: better no figure.
  const [mark, now] = ['VmHWM', 'VmRSS'].map(memoryLine);
  if (mark === undefined || now === undefined || mark > 1.2 * now)
    throw new Error('the mark of peak memory cannot be set back');
}

function memoryLine(name: string): number | undefined {
  const found = new RegExp(`${name}:\\s*(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'));
  return found ? Number(found[1]) : undefined;
}

process.on('message', (request: TimeRequest) => {
  answer(request).then(
    (found) => process.send?.(found),
    (error: unknown) => {
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : 'failed' });
    },
  );
});
