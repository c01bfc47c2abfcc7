import { describe, expect, it } from 'vitest';
import type { Collected, TaskResults } from '../../../bench/results/collect';
import { judgedClaims, verdict } from '../../../bench/results/claims';
import { MEASURED, type Flatness } from '../../../bench/results/flatness';
import { resultsPage } from '../../../bench/results/page';
import { CONTESTANTS, finalRuns, SEEDS, TASKS, trials } from '../../../bench/results/plan';
import type { Outcome } from '../../../bench/results/train';

const TASK = TASKS.glosses;
/** A little other for each seed, the same for each contestant. */
const NOISE = [-0.02, 0.01, 0, 0.015, -0.005];
/** So that no difference has an error of 0. */
const OWN_NOISE = [0.001, -0.001, 0.002, -0.002, 0];

/** Accuracy beyond that of plain LoRA. */
const GAINS: Readonly<Record<string, number>> = { sam: 0.05, head: -0.2, flatpo: 0.02 };

describe('the page of results', () => {
  const whole = page([results({})]);

  it('shows mean and standard error over the seeds', () => {
    // 75, 78, 77, 78.5, 76.5: mean 77, deviation 1.3693, over √5.
    expect(rowOf(whole, 'lora')).toMatch(/^\| `lora` \| 77\.0 ± 0\.6 \|/);
  });

  it('marks what differs from the base by more than two errors, and only that', () => {
    expect(rowOf(whole, 'sam')).toMatch(/^\| `sam` \| 82\.0 ± \d\.\d\\\* \|/);
    expect(rowOf(whole, 'obar')).toMatch(/^\| `obar` \| 77\.0 ± \d\.\d \|/);
    expect(whole).toContain(
      'accuracy, %: better than `lora` by more than two standard errors: `sam` (+5.0 ± 0.1), `flatpo` (+2.0 ± 0.1); worse: `head` (−20.0 ± 0.1); within two: 6 of 9.',
    );
  });

  it('says where a paper is contradicted', () => {
    const [sam] = judgedClaims([results({})]);
    expect(sam?.claim.better).toBe('sam');
    expect(sam?.cells[0]?.verdict).toBe('agrees');
    expect(whole).toContain('| `flatpo` above `sam` | accuracy, % | −3.0 ± 0.1: **contradicts** |');
  });

  it('judges lower sharpness as the better one', () => {
    const claim = { source: '', better: 'a', than: 'b', measure: 'sharpness' as const };
    expect(verdict(claim, { mean: -3, error: 1, count: 5 })).toBe('agrees');
    expect(verdict(claim, { mean: 3, error: 1, count: 5 })).toBe('contradicts');
    expect(verdict(claim, { mean: 1, error: 1, count: 5 })).toBe('not decided');
  });

  it('names space, radius, batch and seed of every measure', () => {
    expect(whole).toContain(`ρ ${MEASURED.rho}`);
    expect(whole).toContain(`the first ${MEASURED.examples} examples of the test part`);
    expect(whole).toContain(`start seed ${MEASURED.seed}`);
    expect(whole).toMatch(/SAM sharpness, full W .* SAM sharpness, row space/);
  });

  it('leaves the row space of a contestant without pairs open', () => {
    const cells = rowOf(whole, 'head').split(' | ');
    expect(cells[5]).toBe('–');
  });

  it('puts the time of a step beside what the paper says of it', () => {
    // 16 and 17 ms in the two rounds, over 11 and 12 of plain LoRA.
    expect(whole).toContain('| arXiv 2508.00522 | `fmlora` | 2.12× / 2.07× | 1.44 [1.42–1.45] |');
    expect(rowOf(whole, 'fmlora')).toContain('| 16.5 [16.3–16.8] | 1.44 [1.42–1.45] | 500 MB |');
  });

  it('says what it lacks, and nothing of that when it lacks nothing', () => {
    expect(whole).not.toContain('Not complete');
    const cut = page([results({ seeds: [1, 2] })]);
    expect(cut).toContain(
      '**Not complete yet**: glosses: 20 of 50 runs; glosses: 20 of 50 measured',
    );
    const { times: _, ...untimed } = results({});
    expect(page([untimed])).toContain('glosses: no times');
  });

  it('counts runs that diverged instead of taking a mean with them', () => {
    const text = page([results({ diverged: 3 })]);
    expect(rowOf(text, 'sam')).toContain('(1 diverged)');
    expect(text).not.toContain('Not complete');
    expect(text).not.toContain('NaN');
  });
});

function page(tasks: readonly TaskResults[]): string {
  return resultsPage({ command: 'npm run results', machine: [], seeds: SEEDS, tasks });
}

function rowOf(text: string, name: string): string {
  const rows = text.split('\n').filter((line) => line.startsWith(`| \`${name}\` | `));
  return rows.at(-1) ?? '';
}

function results({
  seeds = SEEDS,
  diverged,
}: {
  seeds?: readonly number[];
  /** Seed with which SAM diverges. */
  diverged?: number;
}): TaskResults {
  const contestants = CONTESTANTS.map((contestant, i): Collected => {
    const tuning = trials(TASK, contestant, {}).map((plan) => outcome(plan, 0.5));
    const settings = tuning[1]?.plan.settings ?? {};
    const finals = finalRuns(TASK, contestant, { settings, seeds }).map((plan) => {
      const k = SEEDS.indexOf(plan.seed as 1);
      const own = contestant.name === 'lora' ? 0 : (OWN_NOISE[(k + i) % 5] ?? 0);
      const accuracy = 0.77 + (NOISE[k] ?? 0) + own + (GAINS[contestant.name] ?? 0);
      if (contestant.name === 'sam' && plan.seed === diverged) {
        const { end: _, ...cut } = outcome(plan, accuracy);
        return { seed: plan.seed, outcome: cut };
      }
      const flatness: Flatness = {
        ...{ settings: {}, loss: 1, sharpness: 1 - accuracy, eigenvalue: 10 + k },
        ...(contestant.adapter === 'lora' && { rowSharpness: 0.1 + own }),
        ...{ iterations: 5, converged: true },
      };
      return { seed: plan.seed, outcome: outcome(plan, accuracy), flatness };
    });
    return { contestant, tuning, settings, finals };
  });
  const times = {
    ...{ backend: 'wasm', loadBefore: 0.1, rounds: 2, stepsPerBlock: 2 },
    contestants: Object.fromEntries(
      CONTESTANTS.map(({ name }, i) => [name, { ms: [[10 + i], [11 + i]], peak: 5e8 }]),
    ),
  };
  return { task: TASK, contestants, times };
}

function outcome(plan: Outcome['plan'], accuracy: number): Outcome {
  const end = { accuracy, loss: 1 - accuracy, trainLoss: 0.1 };
  return { plan, directory: '', manifest: {} as Outcome['manifest'], end };
}
