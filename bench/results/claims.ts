import { COLUMNS, differenceOf, signed, type Column, type ColumnName } from './columns';
import type { TaskResults } from './collect';
import { exceedsTwoErrors, type Estimate } from './statistics';

/** A comparison that a paper makes: on `measure`, `better` beats `than`. */
export interface Claim {
  readonly source: string;
  readonly better: string;
  readonly than: string;
  readonly measure: ColumnName;
}

const EFLAT = '2508.00522';

/** The papers compare larger models on other data; what is compared here is the direction alone. */
export const CLAIMS: readonly Claim[] = [
  { source: '2410.14802', better: 'sam', than: 'lora', measure: 'accuracy' },
  { source: '2410.14802', better: 'obar', than: 'lora', measure: 'accuracy' },
  { source: '2410.14802', better: 'nbar', than: 'lora', measure: 'accuracy' },
  { source: '2409.14396', better: 'flat-lora', than: 'lora', measure: 'accuracy' },
  { source: '2409.14396', better: 'flat-lora', than: 'lora', measure: 'sharpness' },
  { source: EFLAT, better: 'fmlora', than: 'lora', measure: 'accuracy' },
  { source: EFLAT, better: 'efmlora', than: 'lora', measure: 'accuracy' },
  { source: EFLAT, better: 'fmlora', than: 'sam', measure: 'accuracy' },
  { source: EFLAT, better: 'efmlora', than: 'sam', measure: 'accuracy' },
  { source: EFLAT, better: 'fmlora', than: 'lora', measure: 'sharpness' },
  { source: EFLAT, better: 'efmlora', than: 'lora', measure: 'sharpness' },
  { source: '2606.10488', better: 'flatpo', than: 'lora', measure: 'accuracy' },
  { source: '2606.10488', better: 'flatpo', than: 'sam', measure: 'accuracy' },
  {
    ...{ source: '2606.10488', better: 'flatpo', than: 'flatpo, random choice' },
    measure: 'accuracy',
  },
];

export type Verdict = 'agrees' | 'contradicts' | 'not decided';

/** @param difference the better one's mean minus the other's */
export function verdict({ measure }: Claim, difference: Estimate): Verdict {
  if (!exceedsTwoErrors(difference)) return 'not decided';
  return difference.mean > 0 === (COLUMNS[measure].better === 'higher') ? 'agrees' : 'contradicts';
}

export interface JudgedClaim {
  readonly claim: Claim;
  /** By task, in the order given; undefined where a side is missing. */
  readonly cells: readonly { readonly text: string; readonly verdict?: Verdict }[];
}

export function judgedClaims(tasks: readonly TaskResults[]): readonly JudgedClaim[] {
  return CLAIMS.map((claim) => ({
    claim,
    cells: tasks.map((task) => {
      const find = (name: string) =>
        task.contestants.find(({ contestant }) => contestant.name === name);
      const found = differenceOf(find(claim.better), find(claim.than), claim.measure);
      if (!found) return { text: '–' };
      const { format }: Column = COLUMNS[claim.measure];
      return { text: signed(found, format), verdict: verdict(claim, found) };
    }),
  }));
}

/** What a paper says of a step's time, as multiples of plain LoRA's. */
export const COSTS: readonly { source: string; method: string; paper: readonly number[] }[] = [
  // Seconds per iteration on SST-5.
  { source: '2410.14802', method: 'sam', paper: [0.265 / 0.105] },
  { source: '2410.14802', method: 'nbar', paper: [0.146 / 0.105] },
  // Hours on GPT-2 Medium and Large, Table 6.
  { source: EFLAT, method: 'fmlora', paper: [9.1 / 4.3, 17.47 / 8.45] },
  { source: EFLAT, method: 'efmlora', paper: [4.8 / 4.3, 10 / 8.45] },
];
