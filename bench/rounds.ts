import { setTimeout as sleep } from 'node:timers/promises';

/** Something to be measured: each call is one block, and gives its samples. */
export interface Block {
  readonly name: string;
  readonly run: () => Promise<readonly number[]>;
}

/** Threads of the contender before have gone to sleep by then. */
const SETTLE_MS = 60;

/**
 * Runs all blocks in turn, `rounds` times, every second time in reverse.
 * @returns samples by block and round
 */
export async function interleave(
  blocks: readonly Block[],
  rounds: number,
  onRound: (round: number) => void,
): Promise<Map<string, (readonly number[])[]>> {
  const samples = new Map(blocks.map(({ name }) => [name, [] as (readonly number[])[]]));
  if (samples.size < blocks.length) throw new Error('two blocks have one name');
  for (let round = 0; round < rounds; round++) {
    onRound(round + 1);
    for (const { name, run } of round % 2 === 0 ? blocks : [...blocks].reverse()) {
      await sleep(SETTLE_MS);
      samples.get(name)?.push(await run());
    }
  }
  return samples;
}
