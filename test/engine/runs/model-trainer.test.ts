import { beforeAll, describe, expect, it } from 'vitest';
import { loadTrainableModel } from '../../../src/engine/adapters/load-trainable';
import type { BatchRow } from '../../../src/engine/data/batches';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { createModelTrainer } from '../../../src/engine/runs/model-trainer';
import type { StepReport, Trainer } from '../../../src/engine/runs/trainer';
import { FIXTURES, testConfig } from '../../support/bert-fixture';
import { LABELS } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';
import { scratchFolder } from './support/scratch';

const rows: BatchRow[] = Array.from({ length: 23 }, (_, i) => {
  const length = 3 + ((i * 7) % 11);
  const ids = Array.from({ length }, (_id, k) => 5 + ((i + k) % 20));
  return { ids, typeIds: new Array<number>(length).fill(0), label: i % LABELS.length };
});

async function trainer(train: Record<string, unknown>): Promise<Trainer> {
  const config = testConfig({
    method: { name: 'efmlora', rho: 0.05 },
    train: { steps: 16, batch_size: 2, ...train },
  });
  const directory = await openModelDirectory(`${FIXTURES}/bert-cls/model`);
  const loaded = await loadTrainableModel({
    ...{ directory, head: 'classification', labels: LABELS, adapter: config.adapter, seed: 0 },
  });
  await directory.close();
  return createModelTrainer({ config, loaded, train: rows, eval: [], padId: 0, labels: LABELS });
}

async function walk(on: Trainer, from: number, to: number): Promise<StepReport[]> {
  const reports = [];
  for (let step = from; step <= to; step++) reports.push(await on.step(step));
  return reports;
}

const folder = await scratchFolder();
beforeAll(fastestTested);

describe('train.group_by_length', () => {
  it('changes the batches, and a run resumed in the second epoch goes on bit for bit', async () => {
    const grouped = { group_by_length: true };
    const whole = await trainer(grouped);
    const reports = await walk(whole, 1, 16);
    whole.dispose();

    const first = await trainer(grouped);
    await walk(first, 1, 13);
    await first.save(folder, 13);
    first.dispose();
    const second = await trainer(grouped);
    await second.restore(folder, 13);
    expect(await walk(second, 14, 16)).toEqual(reports.slice(13));
    second.dispose();

    const plain = await trainer({});
    expect((await walk(plain, 1, 3)).map(({ loss }) => loss)).not.toEqual(
      reports.slice(0, 3).map(({ loss }) => loss),
    );
    plain.dispose();
  });
});
