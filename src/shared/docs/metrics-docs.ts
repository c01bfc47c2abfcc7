import { METHODS } from '../methods';
import { QUANTITIES } from '../quantities';

/** `docs/metrics.md`: every per-layer quantity and every method, from their registries. */
export function metricsDocs(): string {
  const quantities = Object.entries(QUANTITIES).map(([key, q]) =>
    row([
      `\`${key}\``,
      q.label,
      q.summary,
      q.space,
      q.gaugeInvariant ? 'yes' : 'no',
      q.when === 'step' ? 'every step' : 'every probe',
      q.cost,
    ]),
  );
  const methods = Object.entries(METHODS).map(([key, m]) =>
    row([`\`${key}\``, m.title, m.summary, String(m.passes), m.source]),
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
and to the point where its update gradient was taken: perturbed for \`efmlora\` and \`fmlora\`, clean
for \`lora\`. They are recorded with seven significant digits.

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

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
