import { valuesIn, type CheckpointTensor, type LoraPair } from './contents';

/** What PEFT puts before every module path. */
const PREFIX = 'base_model.model.';

/** `….lora_A.weight`, `….lora_A.NAME.weight`, `….lora_embedding_A`, `….lora_embedding_A.NAME`. */
const LORA_KEY =
  /^(?<path>.+?)\.lora_(?<embedding>embedding_)?(?<factor>[AB])(?:\.(?<adapter>[^.]+?))??(?<weight>\.weight)?$/;

export type UnscaledPair = Omit<LoraPair, 'scale' | 'scaleNote'>;

/**
 * The LoRA pairs among the tensors, in the order of their A. A factor without its counterpart, or
 * whose rank is not that of its counterpart, makes no pair.
 */
export function findPairs(tensors: readonly CheckpointTensor[]): UnscaledPair[] {
  const factors = tensors.map(({ name }, index) => ({ index, key: readKey(name) }));
  const ofB = new Map(
    factors.flatMap(({ index, key }) => (key?.factor === 'B' ? [[key.pair, index] as const] : [])),
  );
  return factors.flatMap(({ index, key }) => {
    const b = key?.factor === 'A' ? ofB.get(key.pair) : undefined;
    const [loraA, loraB] = [tensors[index], b === undefined ? undefined : tensors[b]];
    if (!key || b === undefined || !loraA || !loraB) return [];
    const size = pairSize(loraA, loraB);
    if (!size) return [];
    const { module, adapter, embedding } = key;
    const kind = embedding ? 'embedding' : loraA.shape.length > 2 ? 'convolution' : 'linear';
    return [{ module, adapter, kind, a: index, b, ...size } as const];
  });
}

/** Which module and adapter a tensor's key belongs to, if it is a factor's. */
function readKey(name: string) {
  const groups = LORA_KEY.exec(name)?.groups;
  if (!groups) return undefined;
  const { path = '', embedding, factor, adapter = '', weight } = groups;
  // A linear's factor is a module with a weight, an embedding's is a parameter.
  if ((embedding === undefined) !== (weight !== undefined)) return undefined;
  return {
    module: path.startsWith(PREFIX) ? path.slice(PREFIX.length) : path,
    adapter,
    embedding: embedding !== undefined,
    factor,
    pair: `${path}\n${adapter}\n${embedding ?? ''}`,
  };
}

/** A [r, inputs] and B [outputs, r]; what follows further in a convolution's shape is flattened. */
function pairSize(loraA: CheckpointTensor, loraB: CheckpointTensor) {
  const rank = loraA.shape[0];
  const outputs = loraB.shape[0];
  if (rank === undefined || outputs === undefined || rank === 0 || outputs === 0) return undefined;
  if (loraA.shape.length < 2 || valuesIn(loraB) !== rank * outputs) return undefined;
  const inputs = valuesIn(loraA) / rank;
  return inputs === 0 ? undefined : { rank, inputs, outputs };
}
