import { dirname, join } from 'node:path';
import type { InspectedModule } from '../../client/preflight';
import { openModelDirectory } from '../formats/model-directory';
import { resolveModel } from '../formats/resolve-model';
import { modelSpec } from '../models/registry';
import type { RunSource } from './run-session';

/** The linears of the model of a config, from its headers alone. */
export async function inspectConfigModel({
  configFile,
  config,
}: RunSource): Promise<readonly InspectedModule[]> {
  const { dir } = await resolveModel({
    id: config.model.name_or_path,
    revision: config.model.revision,
    configDir: dirname(configFile),
  });
  return (await inspectModelFolder(dir, config.task.labels?.length ?? 2)).modules;
}

export interface InspectedModel {
  readonly architecture: string;
  readonly modules: readonly InspectedModule[];
  readonly parameters: number;
}

/** @param labels number of classes that the head would have */
export async function inspectModelFolder(dir: string, labels: number): Promise<InspectedModel> {
  const directory = await openModelDirectory(dir);
  try {
    const file = join(dir, 'config.json');
    const spec = modelSpec({ config: directory.config, file, head: 'classification', labels });
    return {
      architecture: spec.className,
      modules: spec.linears
        .filter(({ isOutput }) => !isOutput)
        .map(({ path, out, in: width }) => ({
          ...{ path, out, in: width },
          kind: path.slice(path.lastIndexOf('.') + 1),
        })),
      parameters: directory
        .names()
        .reduce((sum, name) => sum + directory.shape(name).reduce((p, n) => p * n, 1), 0),
    };
  } finally {
    await directory.close();
  }
}
