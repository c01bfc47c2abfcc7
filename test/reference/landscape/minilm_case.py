"""MiniLM with LoRA on one batch: Hessian products in four spaces, and PyHessian's eigenvalue and trace.

minilm_case.py OUT_DIR [MODEL_DIR]: writes model/, adapter/, batch.json, expected.safetensors and
expected.json. Without a folder of the published weights: random ones of the same size.
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch  # noqa: E402
from peft import LoraConfig, PeftModel, TaskType, get_peft_model  # noqa: E402
from transformers import BertConfig, BertForSequenceClassification  # noqa: E402

from hessian_cases import SPACES, Space, py_hessian  # noqa: E402
from store import generator, save_adapter, seed_everything, write_json, write_tensors  # noqa: E402
from tiny_models import batch_tensors  # noqa: E402

ROWS, LENGTH, TRACE_PROBES = 4, 24, 24


def main(out: Path, source: Path | None) -> None:
    write_models(out, source)
    batch = random_batch()
    write_json(out / "batch.json", batch)
    inputs = batch_tensors(batch)
    base = BertForSequenceClassification.from_pretrained(
        str(out / "model"), attn_implementation="eager")
    model = PeftModel.from_pretrained(base, str(out / "adapter"), is_trainable=True).eval().double()
    torch.set_default_dtype(torch.float64)  # PyHessian draws its vectors in the default type
    tensors, facts = {}, {}
    for index, name in enumerate(SPACES):
        space = Space(model, inputs, name)
        vector = torch.randn(sum(leaf.numel() for leaf in space.leaves.values()),
                             generator=generator(940 + index))
        gradient = space.gradient(create_graph=True)
        product = torch.autograd.grad(gradient, list(space.leaves.values()), grad_outputs=vector)
        flat = torch.cat([part.reshape(-1) for part in product])
        for kind, value in (("vector", vector), ("hvp", flat)):
            tensors |= {f"{name}.{kind}.{k}": v for k, v in space.spread(value).items()}
    seed_everything(950)
    values, _ = py_hessian(model, inputs).eigenvalues(maxIter=400, tol=1e-6, top_n=1)
    tool = py_hessian(model, inputs)
    facts = {
        "weights": "published" if source else "random",
        "eigenvalue": values[0],
        "trace": [tool.trace(maxIter=1)[0] for _ in range(TRACE_PROBES)],
    }
    write_tensors(out / "expected.safetensors", tensors)
    write_json(out / "expected.json", facts)
    print(facts)


def write_models(out: Path, source: Path | None) -> None:
    seed_everything(930)
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    base = (BertForSequenceClassification.from_pretrained(str(source), num_labels=2) if source
            else BertForSequenceClassification(BertConfig(**sizes, num_attention_heads=12)))
    base.save_pretrained(str(out / "model"))
    config = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"],
                        task_type=TaskType.SEQ_CLS)
    adapted = get_peft_model(base, config)
    noise = generator(931)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=noise))
    save_adapter(adapted, out / "adapter", "flatscape/minilm")


def random_batch() -> dict:
    draw = generator(932)
    ids, mask = [], []
    for row in range(ROWS):
        length = LENGTH - 5 * (row % 3)
        tokens = torch.randint(1000, 30000, (length - 2,), generator=draw).tolist()
        ids.append([101, *tokens, 102] + [0] * (LENGTH - length))
        mask.append([1] * length + [0] * (LENGTH - length))
    return {"input_ids": ids, "attention_mask": mask,
            "token_type_ids": [[0] * LENGTH for _ in ids], "labels": [row % 2 for row in range(ROWS)]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
