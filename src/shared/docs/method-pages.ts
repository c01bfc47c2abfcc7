import { describeKey } from '../config/describe';
import { METHOD_NAMES, METHODS, passesText, type MethodName } from '../methods';
import { METHOD_TEXTS } from './method-texts';

/** `docs/methods/NAME.md` of every method, and their index, by path. */
export const METHOD_PAGES: Readonly<Record<string, () => string>> = {
  'docs/methods/README.md': methodIndex,
  ...Object.fromEntries(
    METHOD_NAMES.map((name) => [`docs/methods/${name}.md`, () => methodPage(name)]),
  ),
};

/** One method: what it does, formula, cost, when to use it, options, source. */
export function methodPage(name: MethodName): string {
  const method = METHODS[name];
  const { formula, use, notes } = METHOD_TEXTS[name];
  return [
    `# ${method.title} (\`${name}\`)`,
    '<!-- Generated from src/shared/docs/method-texts.ts and src/shared/methods.ts by `npm run generate`. -->',
    method.summary,
    `## Formula\n\n\`\`\`text\n${formula.join('\n')}\n\`\`\``,
    `## Cost\n\n${[
      `- Passes per step: ${passesText(method)}`,
      `- State in the checkpoint: ${method.state}`,
      `- Memory beyond plain training: ${method.memory}`,
      `- Works on: ${method.needs === 'lora' ? 'low-rank pairs alone' : 'any adapter'}`,
    ].join('\n')}`,
    `## When to use it\n\n${use}`,
    `## Options\n\n${options(name)}`,
    `## Notes\n\n${notes.map((note) => `- ${note}`).join('\n')}`,
    `## Source\n\n${method.source}. Checked against \`test/reference/methods/${reference(name)}.py\`, five steps, 1e-4.`,
    '',
  ].join('\n\n');
}

function options(name: MethodName): string {
  const { reads, defaults, strength } = METHODS[name];
  if (reads.length === 0) return 'None.';
  const off = strength ? `\n\nWith \`${strength}: 0\` it is plain training, bit for bit.` : '';
  const lines = reads.map((key) => {
    const described = describeKey(['method', key]);
    const value = defaults?.[key] ?? described?.defaultValue;
    // The names of the methods that read it, in front, are said by the page.
    const text = described?.description.replace(/^[a-z][^:.]*: /, '') ?? '';
    return `- \`method.${key}\` (\`${String(value)}\`): ${text}`;
  });
  return `${lines.join('\n')}${off}`;
}

function reference(name: MethodName): string {
  return (name === 'lora' ? 'none' : name).replaceAll('-', '_');
}

function methodIndex(): string {
  const rows = METHOD_NAMES.map((name) => {
    const { title, summary, needs } = METHODS[name];
    const cells = [`[\`${name}\`](${name}.md)`, title, summary, passesText(METHODS[name]), needs];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `# Methods

<!-- Generated from src/shared/methods.ts by \`npm run generate\`. -->

What a run trains with: \`method.name\` in the config, \`flatscape methods\` on the command line.

| Name | Title | What it does | Passes | Needs |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
