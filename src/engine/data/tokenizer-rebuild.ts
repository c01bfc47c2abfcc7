import { readFile } from 'node:fs/promises';
import { UserError } from '../../shared/errors';
import { readError } from '../../shared/file-errors';
import { readJsonObject } from '../formats/files';
import type { TokenizerFileName } from '../formats/model-directory';

export interface RebuildOptions {
  readonly files: Readonly<Partial<Record<TokenizerFileName, string>>>;
  /** `tokenizer_config.json`; its lower-casing options are BERT's. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly modelConfig: Readonly<Record<string, unknown>>;
}

/**
 * The content of the `tokenizer.json` that a repository without one would have: BERT from
 * `vocab.txt`, RoBERTa or GPT-2 from `vocab.json` and `merges.txt`.
 * @throws UserError `tokenizer-missing`, `tokenizer-unsupported`, `file-not-found`
 */
export async function rebuildPipeline(options: RebuildOptions): Promise<unknown> {
  const { files, settings } = options;
  if (files['vocab.txt']) return bert(files['vocab.txt'], settings);
  const { 'vocab.json': vocabFile, 'merges.txt': mergesFile } = files;
  if (vocabFile && mergesFile) return byteLevel(options, vocabFile, mergesFile);
  throw new UserError({
    code: 'tokenizer-missing',
    message: 'the tokenizer is incomplete',
    place: { file: vocabFile ?? mergesFile ?? '' },
    expected: 'vocab.json and merges.txt, or vocab.txt, or tokenizer.json',
    remedy: 'Put the tokenizer files of the model beside its config.json.',
  });
}

async function bert(
  vocabFile: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const lines = await readLines(vocabFile);
  const vocab = Object.fromEntries(lines.map((token, id) => [token, id]));
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const idOf = idIn(vocab, vocabFile);
  return {
    added_tokens: special.map((content) => addedToken(content, idOf(content))),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings['tokenize_chinese_chars'] ?? true,
      strip_accents: settings['strip_accents'] ?? null,
      lowercase: settings['do_lower_case'] ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'BertProcessing',
      cls: ['[CLS]', idOf('[CLS]')],
      sep: ['[SEP]', idOf('[SEP]')],
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

async function byteLevel(
  { files, modelConfig, settings }: RebuildOptions,
  vocabFile: string,
  mergesFile: string,
): Promise<unknown> {
  const family = modelConfig['model_type'];
  if (family !== 'roberta' && family !== 'gpt2') {
    throw new UserError({
      code: 'tokenizer-unsupported',
      message: 'vocab.json and merges.txt do not say how this family splits its text',
      place: { file: vocabFile },
      expected: 'tokenizer.json, or a RoBERTa or GPT-2 model',
      found: String(family),
      remedy: 'Make tokenizer.json in Python: AutoTokenizer.from_pretrained, then save_pretrained.',
    });
  }
  const vocab = (await readJsonObject(vocabFile)) as Record<string, number>;
  const merges = (await readLines(mergesFile)).filter(
    (line, i) => line !== '' && !(i === 0 && line.startsWith('#version')),
  );
  const extra = files['added_tokens.json']
    ? ((await readJsonObject(files['added_tokens.json'])) as Record<string, number>)
    : {};
  const idOf = idIn({ ...vocab, ...extra }, vocabFile);
  const special = family === 'gpt2' ? ['<|endoftext|>'] : ['<s>', '<pad>', '</s>', '<unk>'];
  const added = special.map((content) => addedToken(content, idOf(content)));
  // In the published files the blank before the mask belongs to the mask.
  if (family === 'roberta') added.push({ ...addedToken('<mask>', idOf('<mask>')), lstrip: true });
  const listed = new Set(added.map(({ content }) => content));
  for (const [content, id] of Object.entries(extra))
    if (!listed.has(content)) added.push({ ...addedToken(content, id), special: false });
  return {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'ByteLevel',
      add_prefix_space: settings['add_prefix_space'] ?? false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor:
      family === 'gpt2'
        ? { type: 'ByteLevel' }
        : { type: 'RobertaProcessing', cls: ['<s>', idOf('<s>')], sep: ['</s>', idOf('</s>')] },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges },
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly single_word: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

function addedToken(content: string, id: number): AddedToken {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...flags, special: true };
}

function idIn(vocab: Readonly<Record<string, number>>, file: string): (token: string) => number {
  return (token) => {
    const id = vocab[token];
    if (id !== undefined) return id;
    throw new UserError({
      code: 'tokenizer-unsupported',
      message: 'the vocabulary lacks a special token of its family',
      place: { file },
      expected: token,
    });
  };
}

async function readLines(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw readError(error, file);
  });
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
