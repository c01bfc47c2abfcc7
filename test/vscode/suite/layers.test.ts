import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { parseConfigText } from '../../../src/shared/config/parse';
import { encodeEvent, type RunEvent } from '../../../src/shared/events';
import { syntheticInspection, syntheticInspectionEvents } from '../../support/synthetic-inspection';
import { syntheticEvents, syntheticManifest } from '../../support/synthetic-run';
import { openFile, positionOf, until, workspaceFolder } from './support';

const CONFIG = 'layers.flatscape.yaml';
const TEXT = `model:
  name_or_path: ./model
task:
  train: data/train.jsonl
adapter:
  target_modules: [query, value] # which
  r: 8
  lora_alpha: 16
method:
  name: efmlora
  rho: 0.05
  beta: 0.9
`;
const RUN = 'layers-20261121-093000';
const MODULES = 8;
/** One module with 65 % of the sum. */
const SHARP = [0.005, 0.005, 0.005, 0.065, 0.005, 0.005, 0.005, 0.005];
const SHARPEST = 'bert.encoder.layer.1.attention.self.value';

describe('measured layers', () => {
  before(async () => {
    write(path.join(workspaceFolder(), CONFIG), TEXT);
    writeRun(40);
    await vscode.commands.executeCommand('flatscape.refreshRuns');
  });
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));
  after(() => fs.rmSync(runFolder(), { recursive: true }));

  it('are hinted behind the values of a config, with what they were measured on', async () => {
    const document = await openFile(CONFIG);
    const hints = await hintsOf(document, 5);
    const at = (word: string) => hints.find(({ line }) => line.trimStart().startsWith(word));
    assert.equal(at('target_modules')?.label, 'sharpest 65 %: 1.attention.self.value');
    assert.equal(at('target_modules')?.before, '  target_modules: [query, value]');
    assert.match(at('r:')?.label ?? '', /^median κ\(A\) [\d.]+, κ\(B\) [\d.]+$/);
    assert.match(at('lora_alpha')?.label ?? '', /^s 2, median ‖ΔW‖ [\d.]+$/);
    assert.equal(at('rho')?.label, 'ρ_eff 0.15 ρ');
    assert.equal(at('beta')?.label, 'median cos 0.4, ‖Ê‖ 0.02');
    assert.match(at('rho')?.tooltip ?? '', /layers.*20261121.*093000/);
    assert.match(at('rho')?.tooltip ?? '', /seed 42/);
  });

  it('say that they are old once the config has changed, and which key', async () => {
    const document = await openFile(CONFIG);
    await hintsOf(document, 5);
    await replace(document, 'rho: 0.05', 'rho: 0.1');
    const hints = await until('old hints', async () => {
      const found = await hintsOf(document, 5);
      return found.every(({ label }) => label.startsWith('old config: ')) && found;
    });
    assert.match(hints[0]?.tooltip ?? '', /config changed since:[^]*method\.rho: 0\.05 → 0\.1/);
    // A comment is no change.
    await replace(document, 'rho: 0.1', 'rho: 0.05 # as before');
    await until('new hints', async () =>
      (await hintsOf(document, 5)).every(({ label }) => !label.includes('old')),
    );
  });

  it('are a table on hover', async () => {
    const document = await openFile(CONFIG);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      positionOf(document, 'target_modules'),
    );
    const text = hovers
      .flatMap(({ contents }) => contents)
      .map((content) => (typeof content === 'string' ? content : content.value))
      .join('\n');
    assert.match(text, /adapter\.target_modules/);
    assert.match(text, /\| bert\S+1\S+value \| 0\.06500 \| 65\.0 % \|/);
    assert.match(text, /command:flatscape\.inspectLayers/);
  });

  it('open as a document from the lens, fold by block and are found as text', async () => {
    const document = await openFile(CONFIG);
    const lens = await until('the lens', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        10,
      );
      return lenses.find(({ command }) => command?.command === 'flatscape.inspectLayers');
    });
    const layers = await inspect(...(lens.command?.arguments ?? []));
    assert.equal(layers.languageId, 'flatscape-layers');
    const text = layers.getText();
    for (let module = 0; module < MODULES; module++)
      assert.ok(text.includes(`bert.encoder.layer.${Math.floor(module / 2)}.`));
    assert.match(text, /step 40 of 40/);
    assert.match(
      text,
      /probe of step 40.*\n# {3}row space of A, rho 0\.05, batch of 32 \(train\), seed 42/,
    );
    const folds = await vscode.commands.executeCommand<vscode.FoldingRange[]>(
      'vscode.executeFoldingRangeProvider',
      layers.uri,
    );
    const heads = folds.map(({ start }) => layers.lineAt(start).text);
    assert.equal(heads.filter((line) => line.startsWith('block ')).length, MODULES / 2);
    // The block of the sharpest module first, and that module first in it.
    assert.match(heads.find((line) => line.startsWith('block ')) ?? '', /^block 1 /);
    assert.ok(text.indexOf(SHARPEST) < text.indexOf('layer.1.attention.self.query'));
  });

  it('are sorted as the address of the document says', async () => {
    const { uri } = await inspect(runFolder());
    const query = 'sort=kappaA&order=ascending&blocks=false';
    const document = await vscode.workspace.openTextDocument(uri.with({ query }));
    const lines = document.getText().split('\n');
    const head = lines.find((line) => line.startsWith('module')) ?? '';
    const end = head.indexOf('kappa_A') + 'kappa_A'.length;
    const values = lines
      .filter((line) => line.startsWith('bert.'))
      .map((line) => Number(line.slice(0, end).split(' ').at(-1)));
    assert.equal(values.length, MODULES);
    assert.deepEqual(
      values,
      [...values].sort((a, b) => a - b),
    );
  });

  it('are written anew when the run has probed again', async () => {
    const document = await inspect(runFolder());
    assert.match(document.getText(), /probe of step 40/);
    writeRun(60);
    await vscode.commands.executeCommand('flatscape.refreshRuns');
    await until('the new probe', () => document.getText().includes('probe of step 60'));
    writeRun(40);
    await vscode.commands.executeCommand('flatscape.refreshRuns');
    await until('the old probe', () => document.getText().includes('probe of step 40'));
  });

  it('lead to diagnostics whose fixes end them', async () => {
    const document = await openFile(CONFIG);
    await measuredDiagnostics(document, ['rho-eff', 'sharp-layer']);
    for (const [code, title, expected] of [
      ['rho-eff', /grad_estimator: A_only/, /beta: 0\.9\n {2}grad_estimator: A_only\n/],
      ['sharp-layer', /Leave/, new RegExp(`exclude_modules: \\[${SHARPEST}\\]`)],
    ] as const) {
      const diagnostic = measuredOf(document).find((d) => d.code === code);
      assert.ok(diagnostic);
      assert.match(diagnostic.message, new RegExp(`run ${RUN}, .*step 40`));
      assert.match(diagnostic.message, /threshold \d+ %/);
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        diagnostic.range,
      );
      assert.ok(actions.some((action) => action.title === 'Show layers'));
      const fix = actions.find((action) => title.test(action.title));
      assert.ok(fix?.edit);
      await vscode.workspace.applyEdit(fix.edit);
      assert.match(document.getText(), expected);
      await until(`${code} gone`, () => !measuredOf(document).some((d) => d.code === code));
    }
    assert.deepEqual(parseConfigText(document.getText(), CONFIG).problems, []);
    await restore(document);
  });

  it('can be switched off', async () => {
    const document = await openFile(CONFIG);
    await measuredDiagnostics(document, ['rho-eff', 'sharp-layer']);
    const settings = vscode.workspace.getConfiguration('flatscape');
    const set = async (value: false | undefined) => {
      for (const key of ['hints.enabled', 'diagnostics.measured'])
        await settings.update(key, value, vscode.ConfigurationTarget.Global);
    };
    await set(false);
    try {
      await measuredDiagnostics(document, []);
      await hintsOf(document, 0);
    } finally {
      await set(undefined);
    }
  });

  it('are hinted in the adapter_config.json of a checkpoint, as of its step', async () => {
    const file = path.join(runFolder(), 'checkpoints/step-20/adapter_config.json');
    write(file, '{\n  "lora_alpha": 16,\n  "r": 8,\n  "target_modules": ["query"]\n}\n');
    const document = await openFile(path.relative(workspaceFolder(), file));
    const hints = await hintsOf(document, 3);
    assert.equal(hints[0]?.before, '  "lora_alpha": 16,');
    assert.match(hints[0]?.tooltip ?? '', /training step 20 of/);
    const layers = await inspect(document.uri);
    assert.match(layers.getText(), /probe of step 20/);
  });

  it('are hinted in the adapter_config.json of an inspected adapter', async () => {
    const folder = path.join(workspaceFolder(), 'adapters/python');
    const file = path.join(folder, 'adapter_config.json');
    write(file, '{\n  "r": 8,\n  "target_modules": ["query"]\n}\n');
    const { modules } = syntheticManifest();
    const options = {
      modules,
      time: Date.UTC(2027, 0, 1),
      subject: { kind: 'adapter', adapter: folder, model: 'm', data: 'd', text: 't', label: 'l' },
      adapter: folder,
    } as const;
    const inspection = path.join(workspaceFolder(), 'adapters/inspections/one');
    write(path.join(inspection, 'inspection.json'), JSON.stringify(syntheticInspection(options)));
    const lines = syntheticInspectionEvents(options).map((event) => JSON.stringify(event));
    write(path.join(inspection, 'journal.jsonl'), `${lines.join('\n')}\n`);
    await vscode.commands.executeCommand('flatscape.refreshRuns');
    const document = await openFile('adapters/python/adapter_config.json');
    const [hint] = await hintsOf(document, 1);
    assert.equal(hint?.label, 'sharpest 25 %: 3.attention.self.value');
    const layers = await inspect(document.uri);
    assert.match(layers.getText(), /inspection, measured 20\d\d-.*\n# {3}raw \(A, B\), rho 0\.1/);
  });
});

interface Hint {
  readonly label: string;
  readonly tooltip: string;
  readonly line: string;
  /** The line up to the hint. */
  readonly before: string;
}

async function hintsOf(document: vscode.TextDocument, count: number): Promise<Hint[]> {
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  const hints = await until(`${count} hints`, async () => {
    const found = await vscode.commands.executeCommand<vscode.InlayHint[]>(
      'vscode.executeInlayHintProvider',
      document.uri,
      whole,
    );
    return found.length === count && found;
  });
  return hints.map(({ label, position }) => {
    const parts = typeof label === 'string' ? [] : label;
    const line = document.lineAt(position.line).text;
    return {
      label: parts.map(({ value }) => value).join(''),
      tooltip: parts.map(({ tooltip }) => plain(tooltip)).join(''),
      line,
      before: line.slice(0, position.character),
    };
  });
}

/** Markdown without its escapes and unbreakable spaces. */
function plain(tooltip: string | vscode.MarkdownString | undefined): string {
  const text = typeof tooltip === 'string' ? tooltip : (tooltip?.value ?? '');
  return text.replaceAll('&nbsp;', ' ').replaceAll('\\', '');
}

/** The layers document that the command opens. */
async function inspect(...args: unknown[]): Promise<vscode.TextDocument> {
  const uri = await vscode.commands.executeCommand<vscode.Uri>('flatscape.inspectLayers', ...args);
  const text = uri.toString();
  return until('the layers document', () =>
    vscode.workspace.textDocuments.find((document) => document.uri.toString() === text),
  );
}

function measuredOf(document: vscode.TextDocument): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ source }) => source === 'flatscape measured');
}

async function measuredDiagnostics(
  document: vscode.TextDocument,
  codes: readonly string[],
): Promise<void> {
  await until(`the diagnostics ${codes.join(', ')}`, () => {
    const found = measuredOf(document).map(({ code }) => String(code));
    return found.sort().join() === codes.join();
  });
}

/** As it was on disk before the edits, which VS Code may have saved by itself. */
async function restore(document: vscode.TextDocument): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), TEXT);
  await vscode.workspace.applyEdit(edit);
  await document.save();
}

async function replace(document: vscode.TextDocument, from: string, to: string): Promise<void> {
  const at = positionOf(document, from);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(at, at.translate(0, from.length)), to);
  await vscode.workspace.applyEdit(edit);
}

function runFolder(): string {
  return path.join(workspaceFolder(), '.flatscape/runs', RUN);
}

/** A finished run of the config on disk, with values that are worth telling. */
function writeRun(steps: number): void {
  const configFile = path.join(workspaceFolder(), CONFIG);
  const { config } = parseConfigText(TEXT, CONFIG);
  assert.ok(config);
  const made = syntheticManifest({ steps, modules: MODULES });
  const manifest = { ...made, id: RUN, configFile, configText: TEXT, config };
  const events = syntheticEvents({ steps, modules: MODULES, ended: true }).map(worthTelling);
  write(path.join(runFolder(), 'run.json'), JSON.stringify(manifest));
  write(path.join(runFolder(), 'journal.jsonl'), `${events.map(encodeEvent).join('\n')}\n`);
}

function worthTelling(event: RunEvent): RunEvent {
  if (event.type === 'probe') return { ...event, layers: { ...event.layers, sharpness: SHARP } };
  if (event.type !== 'step') return event;
  const all = (value: number) => Array.from({ length: MODULES }, () => value);
  const layers = { rhoEffRatio: all(0.15), emaCosine: all(0.4), normEhat: all(0.02) };
  return { ...event, layers: { ...event.layers, ...layers } };
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
