import { ADAPTERS } from '../adapters';
import { METHODS, passesText } from '../methods';
import { describeKeys, keysOf, type KeyDescription } from './describe';

/** The text of `docs/config.md`. */
export function configDocs(): string {
  const sections = describeKeys().filter((key) => key.isSection);
  return [
    '# The config file',
    '<!-- Generated from src/shared/config/schema.ts by `npm run generate`. -->',
    'A run is described by one file whose name ends in `.flatscape.yaml`, `.flatscape.yml` (YAML 1.2) or `.flatscape.json`. Only `model.name_or_path` and `task.train` are required. Paths are relative to the file. An unknown key is an error, not a remark.',
    [
      '```yaml',
      'model:',
      '  name_or_path: ./model',
      'task:',
      '  train: data/train.jsonl',
      '```',
    ].join('\n'),
    ...sections.map(sectionDocs),
    '## Adapters',
    table(
      ['`adapter.type`', 'What it is', 'Keys it reads', 'Source'],
      Object.entries(ADAPTERS).map(([name, { title, summary, reads, source }]) => [
        `\`${name}\``,
        `${title}. ${summary}`,
        reads.map((key) => `\`${key}\``).join(', '),
        source,
      ]),
    ),
    '## Methods',
    table(
      ['`method.name`', 'What it is', 'Passes per step', 'Source'],
      Object.entries(METHODS).map(([name, method]) => [
        `[\`${name}\`](methods/${name}.md)`,
        `${method.title}. ${method.summary}`,
        passesText(method),
        method.source,
      ]),
    ),
    '',
  ].join('\n\n');
}

function sectionDocs(section: KeyDescription): string {
  const rows = keysOf(section.path).map((key) => [
    `\`${key.name}\``,
    key.type,
    key.required ? '*required*' : defaultText(key),
    key.description,
  ]);
  return [
    `## \`${section.name}\``,
    section.description,
    table(['Key', 'Type', 'Default', 'Meaning'], rows),
  ].join('\n\n');
}

function defaultText({ defaultValue }: KeyDescription): string {
  return defaultValue === undefined ? '' : `\`${JSON.stringify(defaultValue)}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
