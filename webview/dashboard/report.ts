import { decodeEvent } from '../../src/shared/events';
import { manifestSchema, RUN_FILES } from '../../src/shared/run-manifest';
import { applyEvent, emptyRunModel, type RunModel } from '../../src/shared/run-model';

declare global {
  /** A report's run, written into its page: the parsed `run.json`, and `journal.jsonl` as text. */
  var __FLATSCAPE_REPORT__: { readonly manifest: unknown; readonly journal: string } | undefined;
}

/** Lines folded before the page gets a chance to draw. */
const BATCH = 500;

/**
 * Folds the journal inside a report, as every other reader of it does.
 * @param progress called with the share that was read, 0 to 1
 * @throws UserError at the first line that is not a run event, ZodError for a foreign manifest
 */
export async function readReport(
  report: { readonly manifest: unknown; readonly journal: string },
  progress: (model: RunModel, share: number) => void,
): Promise<RunModel> {
  const model = emptyRunModel(manifestSchema.parse(report.manifest));
  const lines = report.journal.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    // A line that was being written when the process died ends without a newline.
    const cut = i === lines.length - 1 && !line.endsWith('}');
    if (line !== '' && !cut)
      applyEvent(model, decodeEvent(line, { file: RUN_FILES.journal, line: i + 1 }));
    if (i % BATCH === BATCH - 1) {
      progress(model, i / lines.length);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return model;
}
