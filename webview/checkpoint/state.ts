import type { Histogram, PairResult } from '../../src/shared/checkpoint/measures';
import type { CheckpointContents, Problem } from '../../src/shared/checkpoint/contents';
import type { FileMessage, WorkMessage } from '../../src/shared/checkpoint/messages';
import type { TreeNode } from '../../src/shared/checkpoint/tree';

/** What the user chose to see. */
export interface ViewOptions {
  /** Path of the row that is selected. */
  selected?: string | undefined;
  /** Paths of the open modules; absent until one was opened or closed by hand. */
  expanded?: Set<string> | undefined;
  filter: string;
  /** Name of the only file to show, of several. */
  shard?: string | undefined;
  scroll: number;
  bins: number;
  logCounts: boolean;
}

export interface CountedTensor {
  readonly tensor: number;
  readonly histogram?: Histogram | undefined;
  readonly problem?: Problem | undefined;
}

export interface CheckpointState {
  file: Omit<FileMessage, 'page' | 'type'>;
  contents?: CheckpointContents;
  readonly results: Map<number, PairResult>;
  counted?: CountedTensor | undefined;
  work: Omit<WorkMessage, 'page' | 'type'>;
  /** False when the extension has not been heard for three heartbeats. */
  heard: boolean;
  readonly view: ViewOptions;
}

/** Why there is nothing to show, in a sentence; undefined when there is. */
export function emptyReason({ contents, file }: CheckpointState): string | undefined {
  if (contents) return undefined;
  return file.state === 'failed'
    ? 'The file could not be read: the reason stands above.'
    : 'Reading the header…';
}

/** Nothing can be measured of a file that is gone, or is not the one whose header was read. */
export function canMeasure({ file, heard }: CheckpointState): boolean {
  return heard && (file.state === 'current' || file.state === 'reading');
}

/** Indices of the pairs that a row stands for: of a factor its pair, of a module all below it. */
export function pairsOf(contents: CheckpointContents, node: TreeNode | undefined): number[] {
  if (!node) return [];
  const { tensor } = node;
  return contents.pairs.flatMap(({ a, b }, index) => {
    const inside =
      tensor === undefined
        ? (contents.tensors[a]?.name.startsWith(node.path) ?? false)
        : a === tensor || b === tensor;
    return inside ? [index] : [];
  });
}

/** Bytes that measuring these pairs reads. */
export function bytesOfPairs(
  { pairs, tensors }: CheckpointContents,
  wanted: readonly number[],
): number {
  return wanted
    .flatMap((index) => [pairs[index]?.a, pairs[index]?.b])
    .map((index) => (index === undefined ? undefined : tensors[index]))
    .reduce((sum, tensor) => sum + (tensor ? tensor.end - tensor.begin : 0), 0);
}
