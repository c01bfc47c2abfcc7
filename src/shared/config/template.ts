import { METHODS, type MethodDescription, type MethodName } from '../methods';
import { describeKey, type KeyDescription } from './describe';

/** What a person chose for a new config; paths as they are to be written. */
export interface TemplateChoices {
  readonly method: MethodName;
  readonly model: string;
  readonly train: string;
  readonly eval?: string | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
}

/** Keys worth seeing in a first config, by section; the rest is in docs/config.md. */
const SHOWN = {
  adapter: ['r', 'lora_alpha', 'lora_dropout'],
  optimizer: ['name', 'lr', 'weight_decay'],
  schedule: ['name', 'warmup_ratio'],
  train: ['epochs', 'batch_size', 'max_length', 'seed', 'eval_every'],
  probe: ['every', 'examples'],
} as const;

/**
 * The text of a `*.flatscape.yaml` for these choices: what decides a run is written out, every
 * further key of the method stands as a comment with its default.
 */
export function configTemplate(choices: TemplateChoices): string {
  const method: MethodDescription = METHODS[choices.method];
  const { text, textPair, label } = choices;
  const task = {
    train: choices.train,
    eval: choices.eval,
    text,
    text_pair: textPair,
    label,
  };
  const chosen = Object.entries(task).filter(([, value]) => value !== undefined);
  return [
    `# ${method.title}: ${method.summary}`,
    `# ${method.source}. Every key: docs/config.md of Flatscape, or hover over it.`,
    'model:',
    line('model.name_or_path', choices.model),
    'task:',
    ...chosen.map(([key, value]) => line(`task.${key}`, value)),
    ...section('adapter'),
    'method:',
    line('method.name', choices.method),
    ...methodLines(method),
    ...section('optimizer'),
    ...section('schedule'),
    ...section('train'),
    ...section('probe'),
    '',
  ].join('\n');
}

function section(name: keyof typeof SHOWN): string[] {
  return [`${name}:`, ...SHOWN[name].map((key) => line(`${name}.${key}`))];
}

/** What sets its strength is written; the other keys that it reads are there to be uncommented. */
function methodLines({ reads, defaults, strength }: MethodDescription): string[] {
  return reads.map((key) => {
    const written = line(`method.${key}`, defaults?.[key]);
    return key === strength ? written : written.replace(/^ {2}/, '  # ');
  });
}

/** `  key: value # what it is` */
function line(name: string, value?: unknown): string {
  const key = describeKey(name.split('.'));
  if (!key) throw new Error(`the config has no key ${name}`);
  return `  ${key.path.at(-1)}: ${scalar(value ?? key.defaultValue)} # ${firstSentence(key)}`;
}

/** Up to the first full stop that ends a sentence: not that of `e.g.` or `0.05`. */
function firstSentence({ description }: KeyDescription): string {
  const end = /[^.]\.(?= [A-Z`])/.exec(description);
  return (end ? description.slice(0, end.index + 1) : description.replace(/\.$/, '')).trim();
}

/** Anything that YAML might read as something else is quoted, as JSON, which YAML contains. */
function scalar(value: unknown): string {
  if (
    typeof value === 'string' &&
    /^(?![\d.+-]*$)(?!(?:true|false|null|yes|no|on|off)$)[\w./][\w./-]*$/i.test(value)
  )
    return value;
  return JSON.stringify(value);
}
