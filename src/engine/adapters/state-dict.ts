import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import type { ModelDirectory } from '../formats/model-directory';
import type { LinearSpec, ModelSpec } from '../models/architecture';
import { generatorFor, normal } from './initialise';

export interface StateDict {
  /** Values of a tensor by its state-dict name; random for a module that the file lacks. */
  read(name: string): Promise<Float32Array>;
  /** Modules that start at random, and why. */
  readonly random: readonly RandomModule[];
  /** State-dict names, each once though it may be used twice. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

export interface RandomModule {
  readonly path: string;
  readonly reason: string;
}

/**
 * Matches the tensors of a model's files with the parts of its architecture.
 * @throws UserError `tensor-missing`, `tensor-unexpected`, `tensor-shape`
 */
export function openStateDict(directory: ModelDirectory, spec: ModelSpec, seed: number): StateDict {
  const fileNames = namesInFile(directory, spec);
  const shapes = expectedShapes(spec);
  const unexpected = [...fileNames].filter(([name]) => !shapes.has(name)).map(([, file]) => file);
  const random = randomModules(directory, spec, fileNames);
  const randomNames = new Set(random.flatMap(({ weight, bias }) => [weight, bias]));
  for (const [name, shape] of shapes)
    if (!randomNames.has(name))
      checkTensor(directory, { name, shape, file: fileNames.get(name), unexpected });
  refuseUnexpected(directory, unexpected);
  return {
    shapes,
    random: random.map(({ path }) => ({ path, reason: randomReason(path, fileNames) })),
    read: async (name) => {
      const fileName = fileNames.get(name);
      if (fileName !== undefined && !randomNames.has(name))
        return (await directory.readF32(fileName)).values;
      const size = (shapes.get(name) ?? []).reduce((product, n) => product * n, 1);
      // As transformers initialises: weights normal, biases 0.
      return name.endsWith('.bias')
        ? new Float32Array(size)
        : normal(size, spec.initializerRange, generatorFor(seed, name));
    },
  };
}

/** File names by state-dict name. */
function namesInFile(directory: ModelDirectory, spec: ModelSpec): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const fileName of directory.names()) {
    const name = spec.stateName(fileName);
    if (name !== undefined) names.set(name, fileName);
  }
  return names;
}

function expectedShapes(spec: ModelSpec): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { path, entries, width } of spec.tables)
    shapes.set(`${path}.weight`, [entries, width]);
  for (const { path, size } of spec.norms)
    shapes.set(`${path}.weight`, [size]).set(`${path}.bias`, [size]);
  for (const linear of spec.linears)
    shapes.set(linear.weight, [linear.out, linear.in]).set(linear.bias, [linear.out]);
  return shapes;
}

/**
 * Modules that start at random: those the file lacks altogether, and a head made for another
 * number of labels.
 */
function randomModules(
  directory: ModelDirectory,
  spec: ModelSpec,
  fileNames: ReadonlyMap<string, string>,
): readonly LinearSpec[] {
  const inHead = (path: string): boolean =>
    spec.headPath !== undefined && (path === spec.headPath || path.startsWith(`${spec.headPath}.`));
  return spec.linears.filter((linear) => {
    if (!spec.mayBeMissing.includes(linear.path)) return false;
    const weight = fileNames.get(linear.weight);
    if (weight === undefined) return !fileNames.has(linear.bias);
    return inHead(linear.path) && directory.shape(weight)[0] !== linear.out;
  });
}

function randomReason(path: string, fileNames: ReadonlyMap<string, string>): string {
  return fileNames.has(`${path}.weight`)
    ? 'the checkpoint has it for another number of labels'
    : 'the checkpoint does not have it';
}

interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly file: string | undefined;
  /** Tensors that have no place: one of them may be this one, misnamed. */
  readonly unexpected: readonly string[];
}

function checkTensor(directory: ModelDirectory, expected: ExpectedTensor): void {
  const { name, shape, file, unexpected } = expected;
  if (file === undefined) {
    throw new UserError({
      code: 'tensor-missing',
      message: 'the model’s files lack a tensor that its config calls for',
      place: { file: directory.dir, at: name },
      expected: `a tensor of shape [${shape.join(', ')}]`,
      found: unexpected[0] === undefined ? 'none' : `${unexpected[0]}, which has no place in it`,
      remedy: 'Check that config.json and the weights belong together.',
    });
  }
  const found = directory.shape(file);
  if (found.length === shape.length && found.every((n, i) => n === shape[i])) return;
  throw new UserError({
    code: 'tensor-shape',
    message: 'a tensor does not have the shape that the config calls for',
    place: { file: directory.dir, at: file },
    expected: `[${shape.join(', ')}]`,
    found: `[${found.join(', ')}]`,
    remedy: 'Check that config.json and the weights belong together.',
  });
}

function refuseUnexpected(directory: ModelDirectory, unexpected: readonly string[]): void {
  const [first] = unexpected;
  if (first === undefined) return;
  throw new UserError({
    code: 'tensor-unexpected',
    message:
      unexpected.length === 1
        ? 'the model’s files hold a tensor that has no place in it'
        : `the model’s files hold ${unexpected.length} tensors that have no place in it`,
    place: { file: directory.dir, at: first },
    expected: `only what ${join(directory.dir, 'config.json')} describes`,
    remedy: 'Check that config.json and the weights belong together.',
  });
}
