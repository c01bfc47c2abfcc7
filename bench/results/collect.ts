import { readFlatness, type Flatness } from './flatness';
import {
  BASE,
  CONTESTANTS,
  finalRuns,
  trials,
  type Contestant,
  type RunPlan,
  type Task,
} from './plan';
import { chosen } from './statistics';
import { readTimes, type Times } from './time';
import { findOutcome, type Outcome, type Place } from './train';

export type Settings = Readonly<Record<string, number>>;

/** What is there of one contestant on one task. */
export interface Collected {
  readonly contestant: Contestant;
  readonly tuning: readonly Outcome[];
  /** Chosen by the tuning; undefined while a trial is missing. */
  readonly settings?: Settings;
  readonly finals: readonly Final[];
}

export interface Final {
  readonly seed: number;
  readonly outcome: Outcome;
  readonly flatness?: Flatness;
}

export interface TaskResults {
  readonly task: Task;
  readonly contestants: readonly Collected[];
  readonly times?: Times;
}

/** Everything that the earlier phases left of a task. */
export async function collect(
  task: Task,
  seeds: readonly number[],
  place: Place,
): Promise<TaskResults> {
  const find = async (plans: readonly RunPlan[]) =>
    (await Promise.all(plans.map((plan) => findOutcome(plan, place)))).flatMap((o) => o ?? []);
  const contestants = await inTuningOrder(CONTESTANTS, async (contestant, base) => {
    if (base === undefined) return { contestant, tuning: [], finals: [] };
    const plans = trials(task, contestant, base);
    const tuning = await find(plans);
    if (tuning.length < plans.length) return { contestant, tuning, finals: [] };
    const settings = chosenSettings(tuning);
    const outcomes = await find(finalRuns(task, contestant, { settings, seeds }));
    const finals = await Promise.all(
      outcomes.map(async (outcome): Promise<Final> => {
        const flatness = await readFlatness(outcome.directory);
        return { seed: outcome.plan.seed, outcome, ...(flatness && { flatness }) };
      }),
    );
    return { contestant, tuning, settings, finals };
  });
  const times = await readTimes(place.folder, task.name);
  return { task, contestants, ...(times && { times }) };
}

/**
 * Works through the contestants with the base's first, since the others over pairs start from what
 * was chosen for it: undefined where nothing was.
 * @returns the results in the order of `contestants`
 */
export async function inTuningOrder<T extends { readonly settings?: Settings }>(
  contestants: readonly Contestant[],
  work: (contestant: Contestant, base: Settings | undefined) => Promise<T>,
): Promise<T[]> {
  const done = new Map<Contestant, T>();
  const isBase = ({ name }: Contestant): boolean => name === BASE;
  for (const contestant of [
    ...contestants.filter(isBase),
    ...contestants.filter((c) => !isBase(c)),
  ]) {
    const base = [...done].find(([c]) => isBase(c))?.[1].settings;
    const startsAlone = isBase(contestant) || contestant.adapter === 'head';
    done.set(contestant, await work(contestant, startsAlone ? {} : base));
  }
  return contestants.map((contestant) => done.get(contestant) as T);
}

/** @throws Error when every trial diverged */
export function chosenSettings(tuning: readonly Outcome[]): Settings {
  return chosen(
    tuning.map(({ plan, end }) => ({
      setting: plan.settings,
      ...(end && { accuracy: end.accuracy, loss: end.loss }),
    })),
  );
}
