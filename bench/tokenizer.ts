import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** Gives a model folder a BERT tokenizer that knows the letters. */
export async function writeTokenizer(folder: string): Promise<void> {
  const vocabulary = [...SPECIAL, ...'abcdefghijklmnopqrstuvwxyz'];
  await writeFile(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  const config = { tokenizer_class: 'BertTokenizer', do_lower_case: true, pad_token: '[PAD]' };
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
}
