"""One contender of the benchmark: PyTorch and PEFT on the model, batches and adapter of the engine's.

Reads requests from its input, a JSON line each, and answers likewise (bench/worker-protocol.ts).
"""

import importlib
import json
import math
import os
import resource
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import peft  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

state = {}


def start(ask):
    state["device"] = torch.device(ask["device"])
    if ask["device"] == "cpu":
        torch.set_num_threads(ask["threads"])
    elif not torch.cuda.is_available():
        raise RuntimeError(f"torch {torch.__version__} finds no CUDA device")
    return {"PyTorch": torch.__version__, "transformers": transformers.__version__, "PEFT": peft.__version__}


def load(ask):
    with open(os.path.join(ask["folder"], "batches.json")) as file:
        batches = json.load(file)
    device = state["device"]
    base = transformers.BertForSequenceClassification.from_pretrained(
        ask["folder"], attn_implementation=ask["attention"], dtype=torch.float32, num_labels=2,
        hidden_dropout_prob=ask["dropout"], attention_probs_dropout_prob=ask["dropout"],
    )
    model = peft.PeftModel.from_pretrained(base, ask["adapterFolder"], is_trainable=True)
    model = model.to(device).train()
    state["model"] = model
    state["trained"] = [p for p in model.parameters() if p.requires_grad]
    state["optimizer"] = torch.optim.AdamW(state["trained"], lr=1e-4, weight_decay=0.0)
    state["batches"] = [
        {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.ones_like(torch.tensor(ids), device=device),
            "labels": torch.tensor(labels, device=device),
        }
        for ids, labels in zip(batches["ids"], batches["labels"])
    ]
    state["step"] = 0
    return {"modules": []}


def loss(_ask):
    model = state["model"].eval()
    with torch.no_grad():
        value = model(**state["batches"][0]).loss.item()
    model.train()
    return {"loss": value}


def steps(ask):
    model, optimizer, trained = state["model"], state["optimizer"], state["trained"]
    times, losses = [], []
    for _ in range(ask["count"]):
        synchronize()
        started = time.perf_counter()
        batch = state["batches"][state["step"] % len(state["batches"])]
        value = model(**batch).loss
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(value.item())
        synchronize()
        times.append(1000 * (time.perf_counter() - started))
        state["step"] += 1
    return {"ms": times, "losses": losses}


def memory(_ask):
    # Linux counts kilobytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    device = torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0
    return {"rss": peak, "peakRss": peak, **({"device": device} if device else {})}


def hessian(ask):
    """PyHessian on the first batch: top eigenvalue by its defaults, and a trace of so many probes."""
    # The package’s attribute of that name is the class.
    package = importlib.import_module("pyhessian") and sys.modules["pyhessian.hessian"]
    torch.manual_seed(1)
    inputs = state["batches"][0]
    data = inputs["input_ids"], inputs["labels"]
    state["model"].zero_grad()
    made = []
    # Where it makes a product: of a single batch, and of a loader.
    single, loader = package.hessian_vector_product, package.hessian.dataloader_hv_product
    package.hessian_vector_product = lambda *a: made.append(1) or single(*a)
    package.hessian.dataloader_hv_product = lambda *a: made.append(1) or loader(*a)
    synchronize()
    started = time.perf_counter()
    # A loader makes the graph anew for each product; a single batch keeps it.
    source = {"dataloader": [data]} if ask.get("loader") else {"data": data}
    found = package.hessian(
        Logits(state["model"]), torch.nn.functional.cross_entropy, cuda=state["device"].type == "cuda",
        **source,
    )
    (largest, *_), _ = found.eigenvalues()
    synchronize()
    between = time.perf_counter()
    products = len(made)
    # It would stop by a change of the running mean; a tolerance that nothing is below lets it go on.
    probes = found.trace(maxIter=ask["probes"], tol=-math.inf)
    synchronize()
    ended = time.perf_counter()
    package.hessian_vector_product, package.hessian.dataloader_hv_product = single, loader
    return {
        "lambda": largest, "products": products, "lambdaMs": 1000 * (between - started),
        "trace": statistics.mean(probes), "traceMs": 1000 * (ended - between),
        "standardError": statistics.stdev(probes) / math.sqrt(len(probes)),
    }


class Logits(torch.nn.Module):
    """One input, one output, as PyHessian calls a model."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def synchronize():
    if state["device"].type == "cuda":
        torch.cuda.synchronize()


def main():
    calls = {"start": start, "load": load, "loss": loss, "steps": steps, "memory": memory,
             "hessian": hessian}
    # Answers go out on the stream as it was; whatever a library prints does not.
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"answer": calls[request["call"]](request["ask"])}
        except Exception as error:  # noqa: BLE001  the caller reports it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": request["id"], **reply}), file=out, flush=True)


if __name__ == "__main__":
    main()
