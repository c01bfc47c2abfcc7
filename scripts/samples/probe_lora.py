"""How far plain LoRA gets on a sample, in PyTorch with peft: the figures of the samples' READMEs.

    python scripts/samples/probe_lora.py samples/glosses --lr 5e-4 1e-3 2e-3
    python scripts/samples/probe_lora.py samples/glosses --lr 2e-3 --random-body

SAMPLE is a folder with model/ and data/{train,eval}.jsonl. The settings are those of the sample's
configs: r 8, alpha 16 on query and value, the head trained with the adapter, AdamW, warm-up 6 %
and linear decay. `--random-body` draws the frozen weights anew: what the head and the adapter
reach without pretraining.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

SEED = 20


def main():
    args = parse_args()
    torch.set_num_threads(args.threads)
    train, evaluation = (read(args.sample / "data" / f"{split}.jsonl") for split in SPLITS)
    labels = sorted({row["label"] for row in train})
    tokenizer = AutoTokenizer.from_pretrained(args.sample / "model")
    encode_rows(tokenizer, train, labels, args.max_length)
    encode_rows(tokenizer, evaluation, labels, args.max_length)
    majority = Counter(row["target"] for row in evaluation).most_common(1)[0][1] / len(evaluation)
    print(f"{len(train)} train, {len(evaluation)} eval, {len(labels)} labels")
    print(f"always the largest class: {majority:.3f}")
    for lr in args.lr:
        start = time.perf_counter()
        model = build(args, labels)
        curve = fit(model, train, evaluation, lr, args)
        points = ", ".join(f"{step}: {accuracy:.3f}" for step, accuracy in curve)
        body = "random body" if args.random_body else "pretrained"
        print(f"{body} lr {lr:g} {time.perf_counter() - start:.0f} s accuracy at step {points}")


SPLITS = ("train", "eval")


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sample", type=Path)
    parser.add_argument("--lr", type=float, nargs="+", default=[1e-3])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--points", type=int, default=5, help="how often to evaluate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--random-body", action="store_true")
    return parser.parse_args()


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def encode_rows(tokenizer, rows, labels, max_length):
    encoded = tokenizer([r["text"] for r in rows], truncation=True, max_length=max_length)
    for row, ids in zip(rows, encoded["input_ids"]):
        row["ids"], row["target"] = torch.tensor(ids), labels.index(row["label"])


def build(args, labels):
    torch.manual_seed(SEED)
    settings = {"num_labels": len(labels), "dtype": torch.float32}
    folder = args.sample / "model"
    if args.random_body:
        config = AutoConfig.from_pretrained(folder, **settings)
        model = AutoModelForSequenceClassification.from_config(config)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(folder, **settings)
    lora = LoraConfig(
        task_type="SEQ_CLS",
        r=8,
        lora_alpha=16,
        target_modules=["query", "value"],
    )
    return get_peft_model(model, lora)


def fit(model, train, evaluation, lr, args):
    """[(step, accuracy), …], evenly over the run."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=lr, weight_decay=0.01)
    warm_up = max(1, round(0.06 * args.steps))
    order = torch.Generator().manual_seed(SEED)
    queue, curve = [], []
    for step in range(1, args.steps + 1):
        model.train()
        factor = min(step / warm_up, (args.steps - step + 1) / (args.steps - warm_up))
        for group in optimizer.param_groups:
            group["lr"] = lr * factor
        if len(queue) < args.batch:
            queue = torch.randperm(len(train), generator=order).tolist()
        rows = [train[queue.pop()] for _ in range(args.batch)]
        ids, targets = collate(rows)
        loss = cross_entropy(model(ids, attention_mask=ids != 0).logits, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % (args.steps // args.points) == 0:
            curve.append((step, accuracy(model, evaluation)))
    return curve


@torch.no_grad()
def accuracy(model, rows):
    model.eval()
    rows = sorted(rows, key=lambda row: len(row["ids"]))
    right = 0
    for at in range(0, len(rows), 50):
        ids, targets = collate(rows[at : at + 50])
        right += (model(ids, attention_mask=ids != 0).logits.argmax(-1) == targets).sum().item()
    return right / len(rows)


def collate(rows):
    ids = torch.nn.utils.rnn.pad_sequence([row["ids"] for row in rows], batch_first=True)
    return ids, torch.tensor([row["target"] for row in rows])


if __name__ == "__main__":
    main()
