/** Names that data sets commonly give their columns, the likeliest first. */
const TEXT = [
  'text',
  'sentence',
  'sentence1',
  'premise',
  'question1',
  'question',
  'content',
  'review',
];
const PAIR: Readonly<Record<string, readonly string[]>> = {
  sentence1: ['sentence2'],
  premise: ['hypothesis'],
  question1: ['question2'],
  question: ['sentence', 'answer'],
};
const LABEL = ['label', 'labels', 'class', 'category', 'target'];

export interface GuessedColumns {
  /** All columns, in order. */
  readonly columns: readonly string[];
  readonly text?: string;
  readonly textPair?: string;
  readonly label?: string;
}

/**
 * Guesses which columns hold text and label from how a data file begins.
 * @param start its first lines; the last may be cut off
 * @param extension `jsonl`, `csv` or `tsv`; of other formats nothing is guessed
 */
export function guessColumns(start: string, extension: string): GuessedColumns {
  const columns = columnsOf(start.replace(/^\uFEFF/, ''), extension);
  const find = (names: readonly string[]) =>
    names.flatMap((name) => columns.filter((column) => column.toLowerCase() === name))[0];
  const text = find(TEXT);
  const textPair = find(PAIR[text?.toLowerCase() ?? ''] ?? []);
  const label = find(LABEL);
  return {
    columns,
    ...(text !== undefined && { text }),
    ...(textPair !== undefined && { textPair }),
    ...(label !== undefined && { label }),
  };
}

function columnsOf(start: string, extension: string): string[] {
  const first = start.split(/\r?\n/, 1)[0] ?? '';
  if (extension === 'csv' || extension === 'tsv') {
    const cells = first.split(extension === 'csv' ? ',' : '\t');
    return cells.map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')).filter(Boolean);
  }
  if (extension !== 'jsonl') return [];
  try {
    const row: unknown = JSON.parse(first);
    return typeof row === 'object' && row !== null ? Object.keys(row) : [];
  } catch {
    // A first line longer than what was read: the user is asked instead.
    return [];
  }
}
