import * as z from 'zod';
import {
  backendReportSchema,
  installedBackendSchema,
  type BackendReport,
  type InstalledBackend,
} from '../shared/backend-report';
import type { InstallSource, NativeName } from '../shared/backends';
import { askEngine, type EngineQuestion } from './ask-engine';

/** Tests every backend in processes of their own. Errors as `askEngine`. */
export async function askBackendReport(
  question: EngineQuestion & { readonly fresh?: boolean },
): Promise<BackendReport> {
  const args = ['backend-report', ...(question.fresh ? ['--fresh'] : [])];
  return backendReportSchema.parse(await askEngine(args, question));
}

export interface InstallQuestion extends EngineQuestion {
  readonly name: NativeName;
  readonly source: InstallSource;
  /** With the source `dir`. */
  readonly directory?: string;
}

/**
 * Installs a native backend. A cancel leaves what was finished for the next try.
 * @throws UserError: the installation's own, or of `askEngine`; the signal's reason when aborted
 */
export async function askInstallBackend(question: InstallQuestion): Promise<void> {
  const { name, source, directory } = question;
  const where = directory === undefined ? [] : ['--dir', directory];
  await askEngine(['install-backend', name, '--source', source, ...where], {
    ...question,
    // The engine ends npm, pip and the compiler, which would otherwise go on without it.
    cancelWith: 'SIGTERM',
  });
}

/** Native backends that are installed here. Errors as `askEngine`. */
export async function askInstalledBackends(
  question: EngineQuestion,
): Promise<readonly InstalledBackend[]> {
  return z.array(installedBackendSchema).parse(await askEngine(['installed-backends'], question));
}

/** Removes a native backend, and what an unfinished installation left. Errors as `askEngine`. */
export async function askRemoveBackend(
  question: EngineQuestion & { readonly name: NativeName },
): Promise<void> {
  await askEngine(['remove-backend', question.name], question);
}
