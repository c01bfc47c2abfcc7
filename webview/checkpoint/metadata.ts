import type { CheckpointContents } from '../../src/shared/checkpoint/contents';
import { h } from '../components/h';
import { formatCount } from '../data/format';
import { sizeText } from './texts';

/** What the headers say beside their tensors, file by file. */
export function metadataElements(contents: CheckpointContents): HTMLElement[] {
  const { files, index } = contents;
  const origin =
    index === undefined ? [] : [h('p', { class: 'note' }, `The files are the shards of ${index}.`)];
  return [
    ...origin,
    ...files.flatMap(({ name, size, headerBytes, tensors, metadata }) => {
      const entries = Object.entries(metadata);
      const facts = `${sizeText(size)}, of which ${formatCount(headerBytes)} bytes are the header; ${formatCount(tensors)} tensors`;
      const none = h('p', { class: 'note' }, 'No metadata.');
      const list = h(
        'dl',
        { class: 'facts' },
        ...entries.flatMap(([key, value]) => [h('dt', {}, key), h('dd', {}, pretty(value))]),
      );
      return [
        h('h3', {}, name),
        h('p', { class: 'note' }, `${facts}.`),
        entries.length === 0 ? none : list,
      ];
    }),
  ];
}

/** Trainers keep JSON in strings: such a value is shown on several lines. */
function pretty(value: string): HTMLElement | string {
  if (!/^[[{]/.test(value)) return value;
  try {
    return h('pre', {}, JSON.stringify(JSON.parse(value), undefined, 2));
  } catch {
    return value;
  }
}
