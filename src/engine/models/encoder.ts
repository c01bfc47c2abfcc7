import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../shared/errors';
import type { Batch } from '../data/batch';
import { ACTIVATIONS } from '../ops/activations';
import { attention, paddingBias } from '../ops/attention';
import { embeddingSum, type Lookup } from '../ops/embedding';
import type {
  LinearSpec,
  ModelSpec,
  Network,
  Prefix,
  SublayerSpec,
  TableSpec,
} from './architecture';
import type { EncoderConfig } from './encoder-config';

/** What the models with a BERT-like body share, whatever their head. */
export interface EncoderBody {
  readonly spec: Pick<
    ModelSpec,
    | 'modelType'
    | 'linears'
    | 'norms'
    | 'tables'
    | 'sublayers'
    | 'epsilon'
    | 'initializerRange'
    | 'maxLength'
    | 'vocabSize'
    | 'depthOf'
  >;
  readonly config: EncoderConfig;
  /** @returns [rows·length, hidden_size] */
  readonly all: Encoding;
  /** Only the first token of each row, which costs a block less. @returns [rows, hidden_size] */
  readonly first: Encoding;
}

/** The body, or the stretch of it that its last argument asks for. */
export type Encoding = (net: Network, batch: Batch, stretch?: Stretch) => tf.Tensor2D;

/** Without `from` it begins with the tokens, without `until` it goes through all blocks. */
export interface Stretch {
  readonly from?: Prefix | undefined;
  /** Blocks that will have been passed. */
  readonly until?: number;
}

export interface EncoderFamily {
  /** `model_type`, and the prefix of the body's modules. */
  readonly modelType: string;
  /** Longest sequence. */
  readonly maxLength: number;
  /** Index into the position table for each token [rows, length]. */
  readonly positions: (batch: Batch) => Int32Array;
}

/** A BERT-like body, its modules under its model type. */
export function encoderBody(config: EncoderConfig, family: EncoderFamily): EncoderBody {
  const { modelType, maxLength, positions } = family;
  const encoding =
    (firstOnly: boolean): Encoding =>
    (net, batch, stretch) =>
      encode(net, batch, {
        ...{ prefix: modelType, config, maxLength, firstOnly, ...stretch },
        positions: () => positions(batch),
      });
  return {
    spec: {
      modelType,
      ...encoderParts(modelType, config),
      epsilon: config.layer_norm_eps,
      initializerRange: config.initializer_range,
      maxLength,
      vocabSize: config.vocab_size,
      depthOf: (path) => depthOf(path, modelType, config.num_hidden_layers),
    },
    config,
    all: encoding(false),
    first: encoding(true),
  };
}

function depthOf(path: string, prefix: string, blocks: number): number {
  if (path.startsWith(`${prefix}.embeddings.`)) return 0;
  const layers = `${prefix}.encoder.layer.`;
  return path.startsWith(layers) ? Number.parseInt(path.slice(layers.length), 10) : blocks;
}

/** The modules of a body, in PyTorch's order. */
function encoderParts(
  prefix: string,
  config: EncoderConfig,
): Pick<ModelSpec, 'linears' | 'norms' | 'tables' | 'sublayers'> {
  const d = config.hidden_size;
  const table = (name: string, entries: number): TableSpec => ({
    path: `${prefix}.embeddings.${name}`,
    entries,
    width: d,
  });
  const layers = Array.from(
    { length: config.num_hidden_layers },
    (_, index) => `${prefix}.encoder.layer.${index}`,
  );
  return {
    tables: [
      table('word_embeddings', config.vocab_size),
      table('position_embeddings', config.max_position_embeddings),
      table('token_type_embeddings', config.type_vocab_size),
    ],
    linears: layers.flatMap((layer) => [
      linearSpec(`${layer}.attention.self.query`, d, d),
      linearSpec(`${layer}.attention.self.key`, d, d),
      linearSpec(`${layer}.attention.self.value`, d, d),
      linearSpec(`${layer}.attention.output.dense`, d, d),
      linearSpec(`${layer}.intermediate.dense`, d, config.intermediate_size),
      linearSpec(`${layer}.output.dense`, config.intermediate_size, d),
    ]),
    norms: [
      { path: `${prefix}.embeddings.LayerNorm`, size: d },
      ...layers.flatMap((layer) => [
        { path: `${layer}.attention.output.LayerNorm`, size: d },
        { path: `${layer}.output.LayerNorm`, size: d },
      ]),
    ],
    sublayers: layers.flatMap((layer) => [
      sublayer(`${layer}.attention.output`, 'attention'),
      sublayer(`${layer}.output`, 'ffn'),
    ]),
  };
}

function sublayer(path: string, kind: SublayerSpec['kind']): SublayerSpec {
  return { path, kind, norm: `${path}.LayerNorm` };
}

/** An untied linear layer. */
export function linearSpec(
  path: string,
  inputs: number,
  out: number,
  isOutput = false,
): LinearSpec {
  return { path, in: inputs, out, weight: `${path}.weight`, bias: `${path}.bias`, isOutput };
}

interface EncodeOptions extends Stretch {
  readonly prefix: string;
  readonly config: EncoderConfig;
  readonly maxLength: number;
  /** Index into the position table for each token [rows, length]. */
  readonly positions: () => Int32Array;
  /**
   * Whether only the first token's vector is wanted, as by a classifier. The last block then
   * leaves out the others, which nothing depends on: most of its work.
   */
  readonly firstOnly: boolean;
}

/**
 * Embeddings and blocks of a BERT-like body (post-LN).
 * @returns [rows·length, hidden_size], or [rows, hidden_size] of the first tokens
 * @throws UserError `sequence-too-long`, `token-out-of-range`
 */
function encode(net: Network, batch: Batch, options: EncodeOptions): tf.Tensor2D {
  const { prefix, config, from } = options;
  const blocks = config.num_hidden_layers;
  const until = options.until ?? blocks;
  if (!from) checkBatch(batch, options);
  let hidden = from?.hidden ?? embeddings(net, batch, options);
  if ((from?.depth ?? 0) === until) return hidden;
  const bias = paddingBias(batch.mask, batch.rows, batch.length);
  for (let index = from?.depth ?? 0; index < until; index++) {
    const path = `${prefix}.encoder.layer.${index}`;
    const firstOnly = options.firstOnly && index === blocks - 1;
    hidden = block(net, hidden, { config, batch, bias, path, firstOnly });
  }
  return hidden;
}

function embeddings(
  net: Network,
  batch: Batch,
  { prefix, config, positions }: EncodeOptions,
): tf.Tensor2D {
  const lookup = (name: string, indices: Int32Array): Lookup => ({
    table: net.table(`${prefix}.embeddings.${name}`),
    indices,
  });
  // A table of one type has no entry for the second text.
  const types = config.type_vocab_size > 1 ? batch.typeIds : new Int32Array(batch.typeIds.length);
  const sum = embeddingSum([
    lookup('word_embeddings', batch.inputIds),
    lookup('token_type_embeddings', types),
    lookup('position_embeddings', positions()),
  ]);
  return net.dropout(net.norm(`${prefix}.embeddings.LayerNorm`, sum), config.hidden_dropout_prob);
}

interface BlockOptions extends Pick<EncodeOptions, 'config' | 'firstOnly'> {
  readonly path: string;
  readonly batch: Batch;
  readonly bias: tf.Tensor4D;
}

function block(net: Network, x: tf.Tensor2D, options: BlockOptions): tf.Tensor2D {
  const { path, config, batch, bias } = options;
  const self = `${path}.attention.self`;
  const asking = options.firstOnly ? firstTokens(x, batch) : x;
  const mixed = attention(
    net.linear(`${self}.query`, asking),
    net.linear(`${self}.key`, x),
    net.linear(`${self}.value`, x),
    {
      rows: batch.rows,
      heads: config.num_attention_heads,
      bias,
      drop: net.drop(config.attention_probs_dropout_prob),
    },
  );
  const residual = (base: tf.Tensor2D, y: tf.Tensor2D, norm: string): tf.Tensor2D =>
    net.residualNorm(norm, base, y, config.hidden_dropout_prob);

  const attended = net.linear(`${path}.attention.output.dense`, mixed);
  const middle = residual(asking, attended, `${path}.attention.output.LayerNorm`);
  const activation = ACTIVATIONS[config.hidden_act];
  const wide = activation(net.linear(`${path}.intermediate.dense`, middle));
  return residual(middle, net.linear(`${path}.output.dense`, wide), `${path}.output.LayerNorm`);
}

/** The first token's vector of each row, [rows, d], from [rows·length, d]. */
function firstTokens(hidden: tf.Tensor2D, { rows, length }: Batch): tf.Tensor2D {
  const d = hidden.shape[1];
  const byRow = tf.reshape(hidden, [rows, length, d]);
  return tf.reshape(tf.slice(byRow, [0, 0, 0], [rows, 1, d]), [rows, d]);
}

function checkBatch(batch: Batch, { config, maxLength }: EncodeOptions): void {
  if (batch.length > maxLength) {
    throw new UserError({
      code: 'sequence-too-long',
      message: 'the model has no position for every token of this batch',
      place: { at: 'train.max_length' },
      expected: `at most ${maxLength} tokens`,
      found: String(batch.length),
    });
  }
  const inTable = (id: number, entries: number): boolean => id >= 0 && id < entries;
  const { vocab_size, type_vocab_size } = config;
  const token = batch.inputIds.find((id) => !inTable(id, vocab_size));
  const type = type_vocab_size > 1 && batch.typeIds.find((id) => !inTable(id, type_vocab_size));
  const bad = token ?? (type === false ? undefined : type);
  if (bad === undefined) return;
  throw new UserError({
    code: 'token-out-of-range',
    message: 'the tokenizer made a token that the model does not have',
    expected: `token ids below ${vocab_size} and type ids below ${type_vocab_size}`,
    found: String(bad),
    remedy: 'Check that tokenizer.json and the weights belong to the same model.',
  });
}
