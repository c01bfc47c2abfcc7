"""Tiny BERT and RoBERTa models, their PEFT adapters and padded batches, all seeded."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
)

from store import generator, save_adapter, seed_everything
from tokenizers_tiny import MAX_LENGTH, save_tokenizer

LABELS = ["contradiction", "neutral", "entailment"]
CLASSES = {
    ("bert", "cls"): BertForSequenceClassification,
    ("bert", "mlm"): BertForMaskedLM,
    ("roberta", "cls"): RobertaForSequenceClassification,
    ("roberta", "mlm"): RobertaForMaskedLM,
}


@dataclass(frozen=True)
class TinyModel:
    family: str
    task: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.family}-{self.task}"


TINY_MODELS = [
    TinyModel("bert", "cls", 101),
    TinyModel("roberta", "cls", 102),
    TinyModel("bert", "mlm", 103),
    TinyModel("roberta", "mlm", 104),
]


def write_model(tiny: TinyModel, directory: Path) -> None:
    """A real Hugging Face model directory; every tensor is random, biases and norms included."""
    tokenizer = save_tokenizer(tiny.family, directory)
    seed_everything(tiny.seed)
    model = CLASSES[tiny.family, tiny.task](_config(tiny, tokenizer.get_vocab_size()))
    noise = generator(tiny.seed + 1000)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.1 * torch.randn(parameter.shape, generator=noise)
    model.save_pretrained(str(directory))


def load_model(tiny: TinyModel, directory: Path) -> torch.nn.Module:
    """float32, evaluation mode, eager attention: fused attention has no double backward."""
    model_class = CLASSES[tiny.family, tiny.task]
    return model_class.from_pretrained(str(directory), attn_implementation="eager").eval()


def lora_config(tiny: TinyModel, **overrides) -> LoraConfig:
    fields = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": ["query", "value"]}
    if tiny.task == "cls":
        fields["task_type"] = TaskType.SEQ_CLS
    return LoraConfig(**{**fields, **overrides})


def write_adapter(tiny: TinyModel, model_dir: Path, adapter_dir: Path, seed: int, *,
                  zero_b: bool = False, **overrides) -> None:
    """A random adapter written by PEFT. Its head differs from the base model's head."""
    seed_everything(seed)
    peft_model = get_peft_model(load_model(tiny, model_dir), lora_config(tiny, **overrides))
    noise = generator(seed + 1000)
    with torch.no_grad():
        for name, parameter in peft_model.named_parameters():
            if "lora_B" in name and not zero_b:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=noise))
            if "modules_to_save" in name:
                parameter += 0.1 * torch.randn(parameter.shape, generator=noise)
    save_adapter(peft_model, adapter_dir, f"flatscape/tiny-{tiny.name}")


def make_batch(tiny: TinyModel, vocab_size: int, lengths: list[int], seed: int, *,
               pair_row: int | None) -> dict:
    """JSON-able padded batch; row `pair_row` is a sentence pair."""
    draw = generator(seed)
    cls, sep, pad, mask = (2, 3, 0, 4) if tiny.family == "bert" else (0, 2, 1, vocab_size - 1)
    first_text_id = 5
    width = max(lengths)
    rows = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
    mlm_labels = []
    for index, length in enumerate(lengths):
        ids = torch.randint(first_text_id, vocab_size - 1, (length,), generator=draw).tolist()
        ids[0], ids[-1] = cls, sep
        types = [0] * length
        if index == pair_row:
            middle = length // 2
            ids[middle] = sep
            if tiny.family == "bert":
                types = [0] * (middle + 1) + [1] * (length - middle - 1)
            else:
                ids[middle + 1] = sep
        labels = [-100] * width
        # The last row keeps no label at all: the mean must run over kept labels, not rows.
        if index < len(lengths) - 1:
            for position in (1, length - 2):
                labels[position] = ids[position]
            ids[1] = mask if tiny.task == "mlm" else ids[1]
        mlm_labels.append(labels)
        rows["input_ids"].append(ids + [pad] * (width - length))
        rows["attention_mask"].append([1] * length + [0] * (width - length))
        rows["token_type_ids"].append(types + [0] * (width - length))
    cls_labels = torch.randint(0, len(LABELS), (len(lengths),), generator=draw).tolist()
    rows["labels"] = mlm_labels if tiny.task == "mlm" else cls_labels
    return rows if tiny.family == "bert" else {**rows, "token_type_ids": None}


def batch_tensors(batch: dict) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in batch.items() if value is not None}


def _config(tiny: TinyModel, vocab_size: int):
    shared = {
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "initializer_range": 0.2,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    if tiny.task == "cls":
        shared["id2label"] = dict(enumerate(LABELS))
        shared["label2id"] = {label: index for index, label in enumerate(LABELS)}
    if tiny.family == "bert":
        return BertConfig(max_position_embeddings=MAX_LENGTH, type_vocab_size=2, **shared)
    # What the published files state; the class defaults differ.
    return RobertaConfig(
        max_position_embeddings=MAX_LENGTH + 2, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, **shared,
    )
