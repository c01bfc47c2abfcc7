import { access, readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';
import type { InspectionRequestInput } from '../../shared/inspection/request';
import { RUN_FILES } from '../../shared/run-manifest';
import { chooseColumns, chooseData, chooseModel } from '../commands/ask-files';
import { headline } from '../headline';
import type { KnownRun } from '../run-registry';
import { CheckpointItem, RunItem } from '../runs-tree/items';
import type { Services } from '../services';

export type Subject = InspectionRequestInput['subject'];

export const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors'] as const;

/**
 * What is to be inspected: the tree item, file or folder that a command was given, else what the
 * user picks. Undefined: they changed their mind.
 * @throws UserError `not-an-adapter` for a folder without `adapter_config.json`
 */
export async function chooseSubject(
  services: Services,
  argument: unknown,
): Promise<Subject | undefined> {
  if (argument instanceof CheckpointItem)
    return (await ofFolder(argument.directory)) ?? { kind: 'run', run: argument.run.directory };
  if (argument instanceof RunItem) return ofRun(argument.run);
  const given = argument instanceof vscode.Uri ? argument.fsPath : argument;
  if (typeof given === 'string' && path.isAbsolute(given)) return ofPath(services, given);
  return pickSubject(services);
}

async function ofPath(services: Services, given: string): Promise<Subject | undefined> {
  if (await exists(path.join(given, RUN_FILES.manifest))) {
    const run = services.runs.find(given);
    return run ? ofRun(run) : { kind: 'run', run: given };
  }
  const folder = isAdapterFile(given) ? path.dirname(given) : given;
  return (await ofFolder(folder)) ?? ofAdapter(folder);
}

function isAdapterFile(file: string): boolean {
  return ADAPTER_FILES.some((name) => name === path.basename(file));
}

/** A checkpoint of a run knows its model and data: `RUN/checkpoints/step-N`. */
async function ofFolder(folder: string): Promise<Subject | undefined> {
  const run = path.dirname(path.dirname(folder));
  const step = /^step-(\d+)$/.exec(path.basename(folder))?.[1];
  const inRun = path.basename(path.dirname(folder)) === RUN_FILES.checkpoints;
  if (!inRun || step === undefined || !(await exists(path.join(run, RUN_FILES.manifest))))
    return undefined;
  return { kind: 'run', run, step: Number(step) };
}

/** The last checkpoint, or one that is picked where there are several. */
async function ofRun(run: KnownRun): Promise<Subject | undefined> {
  const checkpoints = [...(run.model?.checkpoints ?? [])].reverse();
  if (checkpoints.length < 2) return { kind: 'run', run: run.directory };
  const picked = await vscode.window.showQuickPick(
    checkpoints.map(({ step }, i) => ({
      label: vscode.l10n.t('step {0}', step),
      description: i === 0 ? vscode.l10n.t('last') : '',
      step,
    })),
    { title: vscode.l10n.t('Inspect: Checkpoint'), placeHolder: path.basename(run.directory) },
  );
  return picked && { kind: 'run', run: run.directory, step: picked.step };
}

async function pickSubject(services: Services): Promise<Subject | undefined> {
  await services.runs.rescan();
  const runs = services.runs.list().filter(({ model }) => (model?.checkpoints.length ?? 0) > 0);
  const browse = { label: vscode.l10n.t('$(folder) Adapter folder...'), run: undefined };
  const picked = await vscode.window.showQuickPick(
    [
      ...runs.map((run) => ({
        label: path.basename(run.directory),
        description: (run.model && headline(run.model)) ?? '',
        run,
      })),
      browse,
    ],
    {
      title: vscode.l10n.t('Inspect: What'),
      placeHolder: vscode.l10n.t('A run’s checkpoint, or the folder of any PEFT adapter'),
    },
  );
  if (!picked) return undefined;
  if (picked.run) return ofRun(picked.run);
  const [folder] =
    (await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      openLabel: vscode.l10n.t('Inspect'),
    })) ?? [];
  return folder && ofPath(services, folder.fsPath);
}

/** An adapter made elsewhere says which model it is for; the data it does not know. */
async function ofAdapter(adapter: string): Promise<Subject | undefined> {
  const config = path.join(adapter, 'adapter_config.json');
  if (!(await exists(config)))
    throw new UserError({
      code: 'not-an-adapter',
      message: 'this folder holds no PEFT adapter',
      place: { file: adapter },
      expected: 'adapter_config.json in it',
      remedy: 'Choose the folder that `save_pretrained` wrote.',
    });
  const root = rootOf(adapter);
  const model = await chooseModel(root, {
    title: vscode.l10n.t('Inspect (1/2): Base model'),
    first: await baseModels(config, adapter),
  });
  const data =
    model !== undefined && (await chooseData(root, vscode.l10n.t('Inspect (2/2): Data')));
  const columns = data && (await chooseColumns(data));
  if (model === undefined || !data || !columns) return undefined;
  return {
    kind: 'adapter',
    adapter,
    model: typeof model === 'string' ? model : model.fsPath,
    data: data.fsPath,
    text: columns.text,
    label: columns.label,
    ...(columns.textPair !== undefined && { text_pair: columns.textPair }),
  };
}

/** `base_model_name_or_path`, where it is a folder on this machine or may be a hub id. */
async function baseModels(config: string, adapter: string): Promise<readonly string[]> {
  const text = await readFile(config, 'utf8');
  const named = nameIn(text);
  if (named === undefined) return [];
  for (const folder of [named, path.resolve(adapter, named)])
    if (path.isAbsolute(folder) && (await exists(path.join(folder, 'config.json'))))
      return [folder];
  return /^[\w-][\w.-]*(\/[\w.-]+)?$/.test(named) ? [named] : [];
}

function nameIn(text: string): string | undefined {
  try {
    const { base_model_name_or_path: name } = JSON.parse(text) as Record<string, unknown>;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    // The engine names the place of what is wrong in it; here it only means that there is no name.
    return undefined;
  }
}

/** Where files are offered from: the folder of the workspace that it is in, else its own. */
export function rootOf(adapter: string): vscode.Uri {
  const uri = vscode.Uri.file(adapter);
  return vscode.workspace.getWorkspaceFolder(uri)?.uri ?? vscode.Uri.joinPath(uri, '..');
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
