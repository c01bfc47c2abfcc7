"""Pretrains the miniature BERT of samples/glosses from nothing, on WordNet glosses.

    node scripts/samples/prepare_glosses.mjs            (writes the text, once)
    python scripts/samples/pretrain_glosses.py --minutes 40

Two objectives, as in the original BERT: masked-LM, and a two-text task on the pooled first token.
The pair here is (words of a synset, a gloss): does the gloss define the words? Half of the items
are pairs, of these half are mismatched; the other half of the items are the gloss alone.

The schedule runs on the wall clock (warm-up, then linear decay to zero at --minutes), so a slower
machine makes fewer steps but still ends with a decayed learning rate. The model folder is
rewritten every --save-minutes, file by file through a rename, so an interrupted run leaves a model.
"""

import argparse
import copy
import itertools
import json
import math
import os
import platform
import random
import shutil
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining, BertTokenizer

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.environ.get("FLATSCAPE_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flatscape"
)
TEXT = CACHE / "samples" / "glosses" / "pretraining.tsv"
MODEL = ROOT / "samples" / "glosses" / "model"

SEED = 20
VOCABULARY = 6000
MAX_TOKENS = 64  # per item; only 1 in 100 glosses is longer, with its examples
TOKENS_PER_BATCH = 4096
MASKED = 0.2
PEAK_LR = 1e-3
WARM_UP = 0.04  # of the wall time
HELD_OUT = 2000  # synsets never trained on; the masked-LM accuracy is measured on them
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
IGNORED = -100


def main():
    args = parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    synsets = [line.split("\t") for line in TEXT.read_text("utf-8").splitlines()]
    random.Random(SEED).shuffle(synsets)

    tokenizer = train_tokenizer(synsets[HELD_OUT:])
    encoded = encode(tokenizer, synsets)
    held_out, training = encoded[:HELD_OUT], encoded[HELD_OUT:]
    held_out_batches = list(batches(held_out, np.random.default_rng(SEED)))

    model = BertForPreTraining(config())
    optimizer = torch.optim.AdamW(weight_groups(model), lr=PEAK_LR, betas=(0.9, 0.98), eps=1e-6)
    log = Log(model, training, args)
    saved = 0.0
    for step, batch in enumerate(endless(training), start=1):
        progress = log.seconds() / (60 * args.minutes)
        if progress >= 1 or step > args.steps:
            break
        lr = PEAK_LR * min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP))
        for group in optimizer.param_groups:
            group["lr"] = lr
        mlm, match = losses(model, batch)
        (mlm + match).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        log.step(step, lr, batch, mlm.item(), match.item())
        if log.seconds() - saved > 60 * args.save_minutes:
            saved = log.seconds()
            log.held_out(step, evaluate(model, held_out_batches))
            save(model, tokenizer, args.out, log)
    log.held_out(step, evaluate(model, held_out_batches))
    save(model, tokenizer, args.out, log)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--save-minutes", type=float, default=8)
    parser.add_argument("--steps", type=float, default=math.inf, help="stop earlier, for a trial")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=MODEL)
    return parser.parse_args()


def config():
    # No dropout: a model this small, trained for minutes, underfits.
    return BertConfig(
        architectures=["BertForMaskedLM"],
        vocab_size=VOCABULARY,
        hidden_size=192,
        num_hidden_layers=4,
        num_attention_heads=6,
        intermediate_size=768,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",  # on short texts twice as fast as the fused one
    )


def weight_groups(model):
    """Weight decay on matrices only, as is usual: not on biases and LayerNorm."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    return [
        {"params": matrices, "weight_decay": 0.01},
        {"params": vectors, "weight_decay": 0.0},
    ]


# Text -------------------------------------------------------------------------------------------


def train_tokenizer(synsets):
    """Uncased WordPiece with BERT's normalizer, pre-tokenizer and [CLS] a [SEP] b [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator((field for fields in synsets for field in fields), trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return tokenizer


def encode(tokenizer, synsets):
    """Ids without special tokens: [(words, gloss), …]."""
    columns = [
        [e.ids for e in tokenizer.encode_batch(list(column), add_special_tokens=False)]
        for column in zip(*synsets)
    ]
    return list(zip(*columns))


def endless(items):
    """Batches for ever, every epoch in a new order with new pairs and masks."""
    for epoch in itertools.count():
        yield from batches(items, np.random.default_rng((SEED, epoch)))


def batches(items, rng):
    """One pass over `items`: sequences of like length together, at most TOKENS_PER_BATCH padded."""
    sequences = [sequence(items, index, rng) for index in range(len(items))]
    # Sorting by length with a jitter keeps padding low without always joining the same items.
    key = np.array([len(ids) for ids, _, _ in sequences]) + rng.uniform(0, 3, len(items))
    groups, group, longest = [], [], 0
    for index in np.argsort(key):
        longest = max(longest, len(sequences[index][0]))
        if longest * (len(group) + 1) > TOKENS_PER_BATCH:
            groups.append(group)
            group, longest = [], len(sequences[index][0])
        group.append(sequences[index])
    groups.append(group)
    for index in rng.permutation(len(groups)):
        yield collate(groups[index], rng)


def sequence(items, index, rng):
    """(ids, token types, match): match is 1 or 0 for a pair, IGNORED for a gloss alone."""
    words, gloss = items[index]
    if rng.random() < 0.5:
        ids = [CLS, *gloss[: MAX_TOKENS - 2], SEP]
        return ids, [0] * len(ids), IGNORED
    match = int(rng.random() < 0.5)
    if not match:
        gloss = items[rng.integers(len(items))][1]
    first = [CLS, *words[: MAX_TOKENS // 3], SEP]
    second = [*gloss[: MAX_TOKENS - len(first) - 1], SEP]
    return first + second, [0] * len(first) + [1] * len(second), match


def collate(group, rng):
    """Pads and masks: of the chosen tokens 80 % become [MASK], 10 % a random one, 10 % stay."""
    width = max(len(ids) for ids, _, _ in group)
    ids = np.full((len(group), width), PAD)
    types = np.zeros_like(ids)
    for row, (row_ids, row_types, _) in enumerate(group):
        ids[row, : len(row_ids)] = row_ids
        types[row, : len(row_ids)] = row_types
    chosen = (ids >= len(SPECIAL)) & (rng.random(ids.shape) < MASKED)
    labels = ids[chosen]
    attention = ids != PAD
    fate = rng.random(ids.shape)
    ids[chosen & (fate < 0.8)] = MASK
    randomised = chosen & (fate >= 0.8) & (fate < 0.9)
    ids[randomised] = rng.integers(len(SPECIAL), VOCABULARY, randomised.sum())
    return {
        "ids": torch.from_numpy(ids),
        "types": torch.from_numpy(types),
        "attention": torch.from_numpy(attention),
        "chosen": torch.from_numpy(chosen),
        "labels": torch.from_numpy(labels),
        "match": torch.tensor([match for _, _, match in group]),
    }


# Training ---------------------------------------------------------------------------------------


def forward(model, batch):
    """(logits at the masked positions [m, V], logits of the pair task [n, 2])."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden, pooled = model.bert(
            batch["ids"],
            attention_mask=batch["attention"],
            token_type_ids=batch["types"],
            return_dict=False,
        )
        # The decoder is the dearest matrix: apply it where there is something to predict only.
        words = model.cls.predictions(hidden[batch["chosen"]])
        match = model.cls.seq_relationship(pooled)
    return words.float(), match.float()


def losses(model, batch):
    words, match = forward(model, batch)
    mlm = cross_entropy(words, batch["labels"])
    if (batch["match"] == IGNORED).all():
        return mlm, 0 * mlm
    return mlm, cross_entropy(match, batch["match"], ignore_index=IGNORED)


@torch.no_grad()
def evaluate(model, held_out_batches):
    """Held-out loss, accuracy at masked positions, accuracy of the pair task."""
    loss = right = count = match_right = pairs = 0
    for batch in held_out_batches:
        words, match = forward(model, batch)
        loss += cross_entropy(words, batch["labels"], reduction="sum").item()
        right += (words.argmax(-1) == batch["labels"]).sum().item()
        count += len(batch["labels"])
        match_right += (match.argmax(-1) == batch["match"]).sum().item()
        pairs += (batch["match"] != IGNORED).sum().item()
    return {"loss": loss / count, "accuracy": right / count, "match": match_right / pairs}


class Log:
    """Prints, and keeps what was printed for the model folder."""

    def __init__(self, model, training, args):
        self.start = time.perf_counter()
        self.lines = []
        self.tokens = self.last_tokens = 0
        self.last_seconds = 0.0
        self.sums = []
        texts = {"torch": torch.__version__, "transformers": transformers.__version__}
        self.write(f"python {platform.python_version()} {json.dumps(texts)}")
        self.write(f"threads {args.threads}, minutes {args.minutes}, seed {SEED}")
        parameters = sum(p.numel() for p in model.parameters())
        self.write(f"{parameters} parameters, {len(training)} synsets, {HELD_OUT} held out")

    def seconds(self):
        return time.perf_counter() - self.start

    def step(self, step, lr, batch, mlm, match):
        self.tokens += int(batch["attention"].sum())
        self.sums.append((mlm, match))
        if step % 100:
            return
        mlm, match = np.mean(self.sums, axis=0)
        self.sums.clear()
        now = self.seconds()
        speed = (self.tokens - self.last_tokens) / (now - self.last_seconds)
        self.last_tokens, self.last_seconds = self.tokens, now
        self.write(
            f"step {step} {now:.0f} s lr {lr:.2e} mlm loss {mlm:.3f} pair loss {match:.3f} "
            f"tokens {self.tokens} ({speed:.0f}/s)"
        )

    def held_out(self, step, figures):
        self.write(
            f"step {step} {self.seconds():.0f} s HELD OUT mlm loss {figures['loss']:.3f} "
            f"accuracy {figures['accuracy']:.4f}; pair accuracy {figures['match']:.4f}"
        )

    def write(self, line):
        print(line, flush=True)
        self.lines.append(line)


def save(model, tokenizer, folder, log):
    """Writes the folder beside the old one, then renames file by file."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    copy.deepcopy(model).half().save_pretrained(fresh)
    restore_architecture(fresh / "config.json")
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (fresh / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), "utf-8")
    BertTokenizer(tokenizer_object=tokenizer, model_max_length=128).save_pretrained(fresh)
    (fresh / "pretraining.log").write_text("".join(f"{line}\n" for line in log.lines), "utf-8")
    for file in fresh.iterdir():
        file.chmod(0o644)
        os.replace(file, folder / file.name)
    fresh.rmdir()


def restore_architecture(path):
    """The folder is offered as a masked-LM; like bert-base-uncased it also holds the pooler."""
    fields = json.loads(path.read_text("utf-8"))
    fields["architectures"] = ["BertForMaskedLM"]
    path.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
