import { requestSchema, responseSchema } from '../control';
import { eventSchema } from '../events';
import { EXIT_CODES } from '../exit-codes';
import { engineProcessSchema, manifestSchema, RUN_FILES } from '../run-manifest';
import { CHECKPOINT_FILES, trainingStateSchema } from '../training-state';
import { fieldTable, unionSections, unionTable } from './schema-tables';

/** `docs/run-directory.md`: what a run leaves on disk and how to talk to a live one. */
export function runDirectoryDocs(): string {
  return `# The run directory

Generated from the schemas in \`src/shared\` by \`npm run generate\`.

A run is a folder of plain files, \`NAME-YYYYMMDD-HHMMSS\` below \`output.dir\`. It can be moved, copied
and read by anything that reads JSON; nothing about a run is kept elsewhere.

| File | What it is |
|---|---|
| \`${RUN_FILES.manifest}\` | What the run is made from, written once, before the first journal line |
| \`${RUN_FILES.journal}\` | Everything that happened, one JSON object per line, only ever appended to |
| \`${RUN_FILES.engine}\` | Exists while a process owns the run: who it is and how to reach it |
| \`${RUN_FILES.log}\` | Output of the process, for people |
| \`${RUN_FILES.report}\` | The dashboard of the run in one file, written at its end; needs nothing else |
| \`${RUN_FILES.checkpoints}/step-N/\` | The adapter (in PEFT's format where it has one) and the training state after step N |

Numbers that JSON lacks are the strings \`"NaN"\`, \`"Infinity"\` and \`"-Infinity"\`. Times are Unix
milliseconds. Text is UTF-8.

## ${RUN_FILES.manifest}

${fieldTable(manifestSchema)}

## ${RUN_FILES.journal}

Lines are numbered by \`seq\`, from 0, without gaps. Each is written by one write, before anybody is
told of it, and flushed to the disk with each checkpoint and at the end. A crash can leave a last
line without its newline: ignore it; a resumed run removes it.

A resumed run appends a \`started\` event with \`resumedFrom\`: **steps, probes, evaluations and
checkpoints after that step, in earlier lines, are void**; they are repeated with the same numbers.
A journal whose last event is not \`ended\`, in a directory that no process owns, is of an interrupted
run.

${unionSections(eventSchema, { tag: 'type', level: '###' })}

## ${RUN_FILES.checkpoints}/step-N

The folder appears under this name when it is complete. What it holds depends on \`adapter.type\`:

| \`adapter.type\` | Files | Read by |
|---|---|---|
| \`lora\` | \`adapter_model.safetensors\`, \`adapter_config.json\`, \`README.md\` | PEFT as it is. With \`init_lora_weights: pissa\` or \`olora\` the adapter is the difference to the base model, of rank 2r: A′ = [A; A₀], B′ = [B, −B₀] |
| \`full\` | \`model.safetensors\`, \`config.json\`, tokenizer files | transformers, and \`model.name_or_path\` |
| \`adapter\`, \`head\` | \`flatscape_adapter.safetensors\` (tensors by state-dict name; bottlenecks as \`<sublayer>.adapter.{down,up}.{weight,bias}\`, weights [out, in]), \`flatscape_adapter.json\` (\`format\` 1, \`type\`, \`size\`, \`activation\`, \`position\`, \`modules_to_save\`, \`base_model_name_or_path\`) | Flatscape: \`adapter.init_from\`, \`predict --adapter\` |

For resuming there are also
\`${CHECKPOINT_FILES.tensors}\` (float32; \`optimizer.…\`: moments, \`method.…\`: what the method keeps,
such as EFMLoRA's average perturbation) and \`${CHECKPOINT_FILES.state}\`:

${fieldTable(trainingStateSchema)}

The order of the data and the dropout of a step are functions of seed and step, so a resumed run
takes the same steps as an uninterrupted one, bit for bit on the same machine and versions.

## ${RUN_FILES.engine} and the control socket

Mode 0600. The process is alive if its pid is *and* has this start time; a pid alone may be
somebody else's by now.

${fieldTable(engineProcessSchema)}

The socket (a named pipe on Windows) carries one JSON object per line in each direction. First comes
\`hello\` with the token and the first \`seq\` that the client lacks; what the journal has from there is
sent at once, then each new event when it has been written: no gap, no double. Anything else before
it, a wrong token, or a line that is not a request ends the connection. A client that does not read
is waited for and costs the run nothing; one that asks without reading is dropped.

Requests:

${unionTable(requestSchema, 'type')}

Responses:

${unionTable(responseSchema, 'type')}

## Exit codes

Of \`flatscape\` and of the engine process:

| Code | Meaning |
|---|---|
${Object.values(EXIT_CODES)
  .map(({ code, meaning }) => `| ${code} | ${meaning} |`)
  .join('\n')}
`;
}
