import { UserError } from '../../shared/errors';
import type { RunManifest } from '../../shared/run-manifest';

type Compared = Pick<RunManifest, 'versions' | 'backend' | 'model' | 'data'>;

/**
 * What is different from when a run began.
 * @returns warnings for what may change the last digits of the numbers
 * @throws UserError `run-files-changed` for what would make it another run
 */
export function manifestDifferences(
  then: Compared,
  now: Compared,
): { code: string; message: string }[] {
  assertSameFiles(then.model.files, now.model.files, 'the model');
  assertSameFiles(then.data.files, now.data.files, 'the data');
  const warnings = Object.entries(now.versions)
    .filter(([name, version]) => then.versions[name] !== version)
    .map(([name, version]) => ({
      code: 'version-changed',
      message: `The run began with ${name} ${then.versions[name] ?? '(none)'} and goes on with ${version}.`,
    }));
  if (then.backend.name !== now.backend.name)
    warnings.push({
      code: 'backend-changed',
      message: `The run began on ${then.backend.name} and goes on on ${now.backend.name}: the last digits of its numbers will differ.`,
    });
  return warnings;
}

type Files = RunManifest['model']['files'];

function assertSameFiles(then: Files, now: Files, what: string): void {
  for (const [index, file] of then.entries()) {
    const found = now[index];
    if (found?.sha256 === file.sha256) continue;
    throw new UserError({
      code: 'run-files-changed',
      message: `${what} is not what this run began with`,
      place: { file: found?.path ?? file.path },
      expected: `SHA-256 ${file.sha256}`,
      found: found ? `SHA-256 ${found.sha256}` : 'no such file',
      remedy: 'Put the file back, or start a new run.',
    });
  }
}
