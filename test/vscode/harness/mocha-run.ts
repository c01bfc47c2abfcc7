import * as fs from 'node:fs';
import * as path from 'node:path';
import Mocha from 'mocha';

interface Outcome {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly message?: string;
}

/**
 * What VS Code calls inside the extension host. Runs every `*.test.js` beside this bundle and
 * writes the outcomes to the file that `FLATSCAPE_RESULTS` names; `FLATSCAPE_ONLY` selects titles.
 */
export async function run(): Promise<void> {
  const file = process.env['FLATSCAPE_RESULTS'];
  if (!file) throw new Error('FLATSCAPE_RESULTS names no file');
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, reporter: Silent });
  const only = process.env['FLATSCAPE_ONLY'];
  if (only) mocha.fgrep(only);
  for (const name of fs.readdirSync(__dirname)) {
    if (name.endsWith('.test.js')) mocha.addFile(path.join(__dirname, name));
  }
  const outcomes: Outcome[] = [];
  const failures = await new Promise<number>((resolve) => {
    mocha
      .run(resolve)
      .on('pass', (test) => outcomes.push({ title: test.fullTitle(), state: 'passed' }))
      .on('pending', (test) => outcomes.push({ title: test.fullTitle(), state: 'skipped' }))
      .on('fail', (test, error: Error) => {
        const message = error.stack ?? error.message;
        outcomes.push({ title: test.fullTitle(), state: 'failed', message });
      });
  });
  fs.writeFileSync(`${file}.tmp`, JSON.stringify(outcomes));
  fs.renameSync(`${file}.tmp`, file);
  if (failures > 0) throw new Error(`${failures} integration tests failed`);
}

/** The outcomes travel in the file; the host's console stays for the extension. */
class Silent extends Mocha.reporters.Base {}
