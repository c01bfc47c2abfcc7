"""Loads an adapter with PEFT, strictly, and writes the logits of a batch.

    check_peft.py MODEL_DIR ADAPTER_DIR BATCH_JSON OUT_JSON --labels a,b,c

Any adapter key that PEFT misses, or does not know, is an error (exit status 1): PEFT itself
ignores unexpected keys silently and only warns about missing ones.
"""

import argparse
import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from peft import PeftModel, get_peft_model_state_dict  # noqa: E402
from safetensors import safe_open  # noqa: E402
from transformers import AutoModelForSequenceClassification  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model_dir", "adapter_dir", "batch_json", "out_json"):
        parser.add_argument(name)
    parser.add_argument("--labels", required=True, help="label names in order, comma-separated")
    args = parser.parse_args()

    transformers_logging.disable_progress_bar()
    labels = args.labels.split(",")
    base = AutoModelForSequenceClassification.from_pretrained(
        args.model_dir, num_labels=len(labels), id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        attn_implementation="eager", dtype=torch.float32,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        model = PeftModel.from_pretrained(base, args.adapter_dir).eval()
    problem = key_problem(model, args.adapter_dir)
    if problem:
        print(problem, file=sys.stderr)
        return 1

    with open(args.batch_json, encoding="utf-8") as file:
        batch = json.load(file)
    inputs = {name: torch.tensor(batch[name])
              for name in ("input_ids", "attention_mask", "token_type_ids")
              if batch.get(name) is not None}
    with torch.no_grad():
        logits = model(**inputs).logits
    with open(args.out_json, "w", encoding="utf-8") as file:
        json.dump({"logits": logits.tolist()}, file)
    return 0


def key_problem(model: PeftModel, adapter_dir: str) -> str | None:
    """Compares names and shapes in the file with what the loaded model would save itself."""
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    wanted = {key: list(value.shape) for key, value in state.items()}
    path = os.path.join(adapter_dir, "adapter_model.safetensors")
    with safe_open(path, framework="pt") as file:
        found = {key: file.get_slice(key).get_shape() for key in file.keys()}
        values = {key: file.get_tensor(key) for key in file.keys()}
    if wanted.keys() != found.keys():
        return (f"missing keys: {sorted(wanted.keys() - found.keys())}; "
                f"unexpected keys: {sorted(found.keys() - wanted.keys())}")
    wrong = [key for key, value in values.items()
             if found[key] != wanted[key] or not torch.equal(value.float(), state[key].float())]
    return f"not loaded as stored: {wrong}" if wrong else None


if __name__ == "__main__":
    sys.exit(main())
