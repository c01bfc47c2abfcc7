import {
  totalBytes,
  valuesIn,
  type CheckpointContents,
} from '../../src/shared/checkpoint/contents';
import { h, setText } from '../components/h';
import { icon, type IconName } from '../components/icons';
import { button, setDisabled } from '../components/toolkit';
import { formatCount } from '../data/format';
import type { Banner } from '../page/banners';
import type { CheckpointState } from './state';
import { problemText, sizeText, timeText } from './texts';

const FACTS = ['size', 'read', 'tensors', 'values', 'dtypes', 'as of'] as const;

const HINTS: Partial<Record<(typeof FACTS)[number], string>> = {
  read: 'Since the editor was opened: headers, and values that were measured. A histogram reads its tensor twice.',
  'as of': 'When the header was read last.',
};

/** Name, size, what has been read of it, and how the editor stands to the file. */
export class FileHeader {
  readonly #status = h('span', { id: 'file-status', class: 'status' });
  readonly #facts = new Map<string, HTMLElement>();
  readonly #reload: HTMLElement;
  #shown = '';

  constructor(root: HTMLElement, { name, reload }: { name: string; reload: () => void }) {
    this.#reload = button({ label: 'Read again', title: 'Read the header anew', press: reload });
    const facts = FACTS.map((fact) => {
      const value = h('dd', { id: `fact-${fact.replace(' ', '-')}` }, '–');
      this.#facts.set(fact, value);
      return h('div', { title: HINTS[fact] }, h('dt', {}, fact), value);
    });
    root.replaceChildren(
      h('div', { class: 'row title' }, h('h1', {}, name), this.#status, this.#reload),
      h('dl', { class: 'run-facts' }, ...facts),
    );
  }

  update(state: CheckpointState): void {
    const status = statusOf(state);
    if (status.text !== this.#shown) {
      this.#shown = status.text;
      this.#status.className = `status ${status.tone}`;
      this.#status.replaceChildren(icon(status.icon), status.text);
    }
    setDisabled(this.#reload, !state.heard || state.file.state === 'reading');
    const { contents, file } = state;
    if (!contents) return;
    const size = totalBytes(contents);
    const values = contents.tensors.reduce((sum, tensor) => sum + valuesIn(tensor), 0);
    const shards = contents.files.length > 1 ? ` in ${contents.files.length} files` : '';
    this.#set('size', sizeText(size) + shards);
    this.#set('read', `${formatCount(file.bytesRead)} bytes of ${sizeText(size)}`);
    this.#set('tensors', formatCount(contents.tensors.length));
    this.#set('values', formatCount(values));
    this.#set('dtypes', dtypesText(contents));
    this.#set('as of', file.readAt === undefined ? '–' : timeText(file.readAt));
  }

  #set(fact: (typeof FACTS)[number], text: string): void {
    const element = this.#facts.get(fact);
    if (element) setText(element, text);
  }
}

function dtypesText({ tensors }: CheckpointContents): string {
  const counts = new Map<string, number>();
  for (const { dtype } of tensors) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  const all = [...counts].sort(([, a], [, b]) => b - a);
  return (
    all.map(([dtype, n]) => (all.length > 1 ? `${dtype} × ${formatCount(n)}` : dtype)).join(', ') ||
    'none'
  );
}

interface Status {
  readonly text: string;
  readonly tone: string;
  readonly icon: IconName;
}

function statusOf({ file, heard, contents }: CheckpointState): Status {
  if (!heard) return { text: 'Disconnected', tone: 'warn', icon: 'interrupted' };
  switch (file.state) {
    case 'current':
      return { text: 'Follows the file', tone: 'calm', icon: 'completed' };
    case 'reading':
      return { text: contents ? 'Reading again' : 'Reading', tone: 'calm', icon: 'connecting' };
    case 'changed':
      return { text: 'Changed, not readable', tone: 'warn', icon: 'interrupted' };
    case 'deleted':
      return { text: 'Deleted', tone: 'warn', icon: 'interrupted' };
    case 'failed':
      return { text: 'Not readable', tone: 'bad', icon: 'failed' };
  }
}

/** Sentences about what is wrong, each with what to do. */
export function bannersOf(state: CheckpointState, reconnectLink: string): Banner[] {
  const { file, heard, contents } = state;
  const banners: Banner[] = [];
  const shown =
    file.readAt === undefined ? '' : ` Below is what was read at ${timeText(file.readAt)}.`;
  if (!heard)
    banners.push({
      tone: 'warn',
      text: 'Disconnected from the extension. The file is not affected; this picture of it has stopped.',
      link: { href: reconnectLink, label: 'Reconnect' },
    });
  if (file.state === 'failed' && file.problem)
    banners.push({ tone: 'bad', text: problemText(file.problem) });
  if (file.state === 'deleted')
    banners.push({
      tone: 'warn',
      text: `The file has been deleted or moved away; if it comes back it is read again.${shown}`,
    });
  if (file.state === 'changed' && file.problem)
    banners.push({
      tone: 'warn',
      text: `The file has changed and cannot be read now, perhaps because it is being written: it is tried again with its next change. ${problemText(file.problem)}${shown}`,
    });
  for (const problem of contents?.problems ?? [])
    banners.push({ tone: 'warn', text: problemText(problem) });
  return banners;
}
