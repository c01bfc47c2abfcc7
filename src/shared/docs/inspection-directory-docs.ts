import { inspectionEventSchema } from '../inspection/events';
import { INSPECTION_FILES, inspectionManifestSchema } from '../inspection/manifest';
import { measureResultSchema } from '../inspection/results';
import { resultsFileSchema } from '../inspection/results-file';
import { RUN_FILES } from '../run-manifest';
import { fieldTable, unionSections } from './schema-tables';

/** `docs/inspection-directory.md`: what an inspection leaves on disk. */
export function inspectionDirectoryDocs(): string {
  const { manifest, results, arrays } = INSPECTION_FILES;
  return `# The inspection directory

Generated from the schemas in \`src/shared/inspection\` by \`npm run generate\`.

An inspection is a folder of plain files, like [a run](run-directory.md). It can be moved, copied and
read by anything that reads JSON; nothing about it is kept elsewhere, and nothing is written into the
adapter, the model or the data that it was measured on.

| File | What it is |
|---|---|
| \`${manifest}\` | What is measured, and on what; written once, before the first journal line |
| \`${RUN_FILES.journal}\` | Everything that was measured, one JSON object per line, only ever appended to |
| \`${results}\` | Written at the end: every result with its settings |
| \`${arrays}\` | Written at the end: grids, losses, spectra and densities as float64 tensors |
| \`${RUN_FILES.engine}\` | Exists while a process owns the inspection, as [of a run](run-directory.md#${RUN_FILES.engine.replace('.', '')}-and-the-control-socket) |
| \`${RUN_FILES.log}\` | Output of the process, for people |

Numbers that JSON lacks are the strings \`"NaN"\`, \`"Infinity"\` and \`"-Infinity"\`. Times are Unix
milliseconds. Text is UTF-8. What each measure is: [landscape.md](landscape.md).

## ${results}

A number means nothing without its space, radius, batch and seed: each result has them.

${fieldTable(resultsFileSchema)}

Of each of \`results\`:

${fieldTable(resultsFileSchema.shape.results.element)}

Of each of \`failures\`:

${fieldTable(resultsFileSchema.shape.failures.element)}

### What a \`result\` is

${unionSections(measureResultSchema, { tag: 'kind', level: '####', thing: 'result' })}

## ${arrays}

The lists of all results, float64, in the [safetensors](https://github.com/huggingface/safetensors)
format. A tensor is named \`TASK/SCOPE/FIELD\`, or \`TASK/SCOPE/RHO/FIELD\` where there is a radius;
\`arrays\` in \`${results}\` has the names.

| Field | Shape |
|---|---|
| \`x\`, \`y\` | [points] |
| \`loss\`, \`noise\` | of a line [points], of a surface [y, x]; NaN is a hole |
| \`values\`, \`residuals\` | [eigenvalues] |
| \`grid\`, \`density\` | [places] |
| \`nodes\`, \`weights\` | [starts, steps]; NaN fills the row of a start that ended early |

\`\`\`python
import json
from safetensors.numpy import load_file

arrays = load_file("${arrays}")
for result in json.load(open("${results}"))["results"]:
    if result["measure"] == "slice-2d":
        loss = arrays[result["arrays"]["loss"]]  # float64 [y, x]
\`\`\`

## ${manifest}

${fieldTable(inspectionManifestSchema)}

## ${RUN_FILES.journal}

Numbered and flushed as [that of a run](run-directory.md#journaljsonl). A resumed inspection takes up
every \`result\`, and of what was not finished every \`sample\` and \`point\`; it measures only the rest,
to the same numbers.

${unionSections(inspectionEventSchema, { tag: 'type', level: '###' })}
`;
}
