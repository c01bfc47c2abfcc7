import { METHODS, passesText } from '../methods';
import { MEASURES } from '../measures';
import { QUANTITIES, type QuantityDescription } from '../quantities';

/** `docs/metrics.md`: every per-layer quantity and every method, from their registries. */
export function metricsDocs(): string {
  const all: readonly [string, QuantityDescription][] = Object.entries(QUANTITIES);
  const quantities = all.map(([key, q]) =>
    row([
      `\`${key}\``,
      linked(q),
      q.formula === undefined ? q.summary : `${q.summary} ${q.formula}`,
      q.space,
      q.gaugeInvariant ? 'yes' : 'no',
      q.when === 'step' ? 'every step' : 'every probe',
      q.cost,
    ]),
  );
  const measures = Object.entries(MEASURES).map(([key, m]) =>
    row([
      ...[`\`${key}\``, linked(m), m.summary, m.formula, m.space],
      ...[m.gaugeInvariant ? 'yes' : 'no', m.cost],
    ]),
  );
  const methods = Object.entries(METHODS).map(([key, m]) =>
    row([`\`${key}\``, m.title, m.summary, passesText(m), m.source]),
  );
  return `# What is measured

Generated from \`src/shared/quantities.ts\` and \`src/shared/methods.ts\` by \`npm run generate\`.

Every number that is shown names its space, its ρ, its batch and its seed. "Gauge-invariant" says
whether it describes W, or only the chosen factors: (B, A) → (BR⁻¹, RA) leaves W as it is.

## Per-layer quantities

| Key | Label | Meaning | Space | Gauge-invariant | Recorded | Cost |
|---|---|---|---|---|---|---|
${quantities.join('\n')}

Probes run on a fixed batch (\`probe.examples\` of \`probe.source\`, drawn with \`train.seed\`), in
evaluation mode and at clean weights. Every-step quantities belong to the training batch of the step
and to the point where its update gradient was taken: clean for \`none\`, \`lora\`, \`obar\` and
\`nbar\`, perturbed else. They are recorded with seven significant digits.

## Measures of a whole probe

One number per probe, over everything that is adapted together.

| Key | Label | Meaning | Formula | Space | Gauge-invariant | Cost |
|---|---|---|---|---|---|---|
${measures.join('\n')}

## Methods

| Key | Name | What it does | Passes | Source |
|---|---|---|---|---|
${methods.join('\n')}

## Numerics that matter

- The r x r algebra is float64 on the host; tensors are float32 (TensorFlow.js has nothing else).
- Exp, tanh, sigmoid and softmax of TensorFlow.js lose the second derivative without a word. The
  engine uses its own (\`src/engine/ops\`), and a test fails if one of them slips into a model.
- A sharpness is a difference of two float32 losses: below about 1e-6 of the loss it is rounding.
`;
}

/** The label, leading to the page that explains it. */
function linked({ label, docs }: { readonly label: string; readonly docs?: string }): string {
  return docs === undefined ? label : `[${label}](${docs})`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
