import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { inTuningOrder } from '../../../bench/results/collect';
import {
  BASE,
  CONTESTANTS,
  finalRuns,
  runConfig,
  SEEDS,
  slug,
  TASK_NAMES,
  TASKS,
  trials,
  TUNING_SEED,
} from '../../../bench/results/plan';
import { unreadMethodWarnings } from '../../../src/shared/config/method-schema';
import { parseConfigText } from '../../../src/shared/config/parse';

const FOLDERS = { model: '/model', data: 'data', backend: 'auto' };
const BASE_SETTINGS = { 'optimizer.lr': 0.01 };

const everyRun = TASK_NAMES.flatMap((name) =>
  CONTESTANTS.flatMap((contestant) => [
    ...trials(TASKS[name], contestant, BASE_SETTINGS),
    ...finalRuns(TASKS[name], contestant, { settings: BASE_SETTINGS, seeds: SEEDS }),
  ]),
);

describe('the plan of the results', () => {
  it('has the ten contestants of the comparison, each under a name of its own', () => {
    expect(CONTESTANTS.map(({ name }) => name)).toEqual([
      ...['head', 'lora', 'sam', 'obar', 'nbar', 'flat-lora', 'fmlora', 'efmlora', 'flatpo'],
      'flatpo, random choice',
    ]);
    expect(new Set(CONTESTANTS.map(slug)).size).toBe(10);
  });

  it('gives every contestant as many trials, with different values of its one key', () => {
    for (const name of TASK_NAMES)
      for (const contestant of CONTESTANTS) {
        const plans = trials(TASKS[name], contestant, {});
        const values = plans.map(({ settings }) => settings[contestant.tuned.key]);
        expect(new Set(values).size, contestant.name).toBe(3);
        expect(plans.every(({ settings }) => Object.keys(settings).length === 1)).toBe(true);
      }
  });

  it('tunes strengths at half, once and twice what the product does by default', () => {
    for (const contestant of CONTESTANTS.filter(({ tuned }) => tuned.key !== 'optimizer.lr')) {
      const [, key = ''] = contestant.tuned.key.split('.');
      const { config } = parseConfigText(
        stringify({
          model: { name_or_path: 'm' },
          task: { train: 't.jsonl' },
          method: { name: contestant.method },
        }),
        'a.yaml',
      );
      const usual = (config?.method as Record<string, unknown>)[key] as number;
      expect(contestant.tuned.values, contestant.name).toEqual([usual / 2, usual, 2 * usual]);
    }
  });

  it('never tunes on the test part, nor with a seed of the table', () => {
    expect(SEEDS).not.toContain(TUNING_SEED);
    for (const { name, evaluatedOn, seed } of everyRun) {
      const isTrial = name.startsWith('tune');
      expect(evaluatedOn).toBe(isTrial ? 'validation' : 'test');
      expect(seed === TUNING_SEED).toBe(isTrial);
    }
  });

  it('writes configs that the product takes, without a key that the method ignores', () => {
    for (const plan of everyRun) {
      const { config, problems } = parseConfigText(stringify(runConfig(plan, FOLDERS)), 'a.yaml');
      expect(problems, plan.contestant.name).toEqual([]);
      expect(config && unreadMethodWarnings(config.method)).toEqual([]);
      expect(config?.train.seed).toBe(plan.seed);
      expect(config?.optimizer.lr).toBe(plan.settings['optimizer.lr'] ?? 0.01);
    }
  });

  it('tunes the base before those that take over its learning rate', async () => {
    const seen: string[] = [];
    const done = await inTuningOrder(CONTESTANTS, async (contestant, base) => {
      seen.push(contestant.name);
      if (contestant.name === BASE) return { contestant, settings: BASE_SETTINGS };
      expect(base).toEqual(contestant.adapter === 'head' ? {} : BASE_SETTINGS);
      return { contestant, settings: { ...base, other: 1 } };
    });
    expect(seen[0]).toBe(BASE);
    expect(done.map(({ contestant }) => contestant)).toEqual(CONTESTANTS);
  });
});
