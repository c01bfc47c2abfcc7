"""landscape/hessian.*: Hessians of the tiny BERT with LoRA by double backward, whole, in float64, and
PyHessian's own numbers on the same weights and batch.

Run alone it rewrites only its own files: hessian_cases.py
"""

import json
import math
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch  # noqa: E402
from torch.func import functional_call  # noqa: E402

from gradients import load_adapted, trainable  # noqa: E402
from store import FIXTURES, generator, seed_everything, write_json, write_tensors  # noqa: E402
from tiny_models import TINY_MODELS, batch_tensors  # noqa: E402

SPACES = ("row", "raw", "full", "trainable")


class Space:
    """The logits as a function of leaves that start at w. Row space: X in W + X Qᵀ, Q by a QR."""

    def __init__(self, model, inputs: dict, space: str):
        self.model, self.space = model, space
        self.labels = inputs["labels"]
        self.inputs = {key: value for key, value in inputs.items() if key != "labels"}
        self.leaves, self.owners, self.bases = {}, {}, {}
        self.overrides = {}  # of the module's own names, by functions of the leaves
        names = {id(p): name for name, p in model.named_parameters()}
        for key, parameter in trainable(model).items():
            name = names[id(parameter)]
            if space == "trainable" or (space == "raw" and ".lora_" in key):
                self._leaf(key, parameter, key, {name: lambda leaf: leaf})
            elif space in ("row", "full") and ".lora_B" in key:
                self._linear(key, name.removesuffix(".lora_B.default.weight"))

    def _linear(self, key: str, path: str) -> None:
        layer = self.model.get_submodule(path)
        frozen = layer.base_layer.weight.detach()
        a, b = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()
        merged = frozen + layer.scaling["default"] * b @ a
        base, zero = f"{path}.base_layer.weight", f"{path}.lora_B.default.weight"
        off = {zero: lambda _: torch.zeros_like(b)}
        if self.space == "full":
            self._leaf(path.removeprefix("base_model.model."), merged, key,
                       {base: lambda leaf: leaf} | off)
            return
        q = torch.linalg.qr(a.T)[0]
        self.bases[key] = q
        start = torch.zeros(b.shape, dtype=b.dtype)
        self._leaf(key, start, key, {base: lambda leaf: merged + leaf @ q.T} | off)

    def _leaf(self, name: str, value: torch.Tensor, owner: str, overrides: dict) -> None:
        self.leaves[name] = value.detach().clone().requires_grad_()
        self.owners[name] = _module(owner)
        self.overrides |= {key: (name, f) for key, f in overrides.items()}

    def logits(self) -> torch.Tensor:
        parameters = {key: f(self.leaves[name]) for key, (name, f) in self.overrides.items()}
        return functional_call(self.model, parameters, kwargs=self.inputs).logits

    def gradient(self, create_graph: bool) -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(self.logits(), self.labels)
        return _flat(torch.autograd.grad(loss, list(self.leaves.values()), create_graph=create_graph))

    def hessian(self) -> torch.Tensor:
        """[n, n], a chunk of rows at a time."""
        gradient = self.gradient(create_graph=True)
        leaves = list(self.leaves.values())
        rows = []
        for eye in torch.eye(gradient.numel(), dtype=gradient.dtype).split(256):
            chunk = torch.autograd.grad(gradient, leaves, grad_outputs=eye, is_grads_batched=True,
                                        retain_graph=True)
            rows.append(torch.cat([c.reshape(len(eye), -1) for c in chunk], 1))
        return torch.cat(rows)

    def gauss_newton(self) -> torch.Tensor:
        """JᵀMJ with J row by row, and M by autograd of the cross-entropy in the logits."""
        z = self.logits()
        rows = [_flat(torch.autograd.grad(entry, list(self.leaves.values()), retain_graph=True))
                for entry in z.reshape(-1)]
        jacobian = torch.stack(rows)
        at = z.detach()
        loss = lambda flat: torch.nn.functional.cross_entropy(flat.reshape(at.shape), self.labels)
        curvature = torch.autograd.functional.hessian(loss, at.reshape(-1))
        return jacobian.T @ curvature @ jacobian

    def spread(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """By leaf; of the row space the change of W [n, m], which no choice of Q enters."""
        parts = flat.split([leaf.numel() for leaf in self.leaves.values()])
        shaped = {k: part.reshape(leaf.shape) for (k, leaf), part in zip(self.leaves.items(), parts)}
        return {k: v @ self.bases[k].T if k in self.bases else v for k, v in shaped.items()}


def _module(key: str) -> str:
    path = key.removeprefix("base_model.model.")
    return path.split(".lora_")[0] if ".lora_" in path else key


def _flat(tensors) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _facts(matrix: torch.Tensor) -> dict:
    values = torch.linalg.eigvalsh(matrix)
    return {
        "largest": values.flip(0)[:3].tolist(),
        "smallest": values[:3].tolist(),  # ascending
        "trace": matrix.trace().item(),
        "squares": matrix.square().sum().item(),
    }


def space_case(model, inputs: dict, name: str) -> tuple[dict, dict]:
    space = Space(model, inputs, name)
    matrix, gauss_newton = space.hessian(), space.gauss_newton()
    scale = matrix.abs().max()
    assert (matrix - matrix.T).abs().max() < 1e-12 * scale, "the Hessian is not symmetric"
    draw = generator(900 + SPACES.index(name))
    vector = torch.randn(len(matrix), generator=draw).double()
    tensors = {}
    for kind, flat in (("vector", vector), ("hvp", matrix @ vector), ("gnvp", gauss_newton @ vector)):
        tensors |= {f"{name}.{kind}.{k}": v for k, v in space.spread(flat).items()}
    modules, offset = {}, 0
    for key, leaf in space.leaves.items():
        entries = modules.setdefault(space.owners[key], [])
        entries.extend(range(offset, offset + leaf.numel()))
        offset += leaf.numel()
    facts = {
        "dimension": len(matrix),
        "hessian": _facts(matrix),
        "gaussNewton": _facts(gauss_newton),
        "modules": {m: _facts(matrix[at][:, at]) for m, at in modules.items()},
    }
    return facts, tensors


class _Wrapped(torch.nn.Module):
    """One input, one output, as PyHessian calls a model."""

    def __init__(self, model, inputs: dict):
        super().__init__()
        self.model, self.inputs = model, inputs

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.model(**{**self.inputs, "input_ids": ids}).logits


def py_hessian(model, inputs: dict, **options):
    from pyhessian import hessian

    rest = {k: v for k, v in inputs.items() if k not in ("labels", "input_ids")}
    return hessian(_Wrapped(model, rest), torch.nn.functional.cross_entropy,
                   data=(inputs["input_ids"], inputs["labels"]), cuda=False, **options)


def known_spectrum() -> dict:
    """PyHessian's iterations on L = wᵀMw/2, with its own random starts: to be met step by step."""
    from pyhessian import hessian

    n = 24
    draw = generator(910)
    q = torch.linalg.qr(torch.randn(n, n, generator=draw, dtype=torch.float64))[0]
    values = torch.cat([torch.tensor([30.0, -18.0, 9.0, 4.0]), torch.linspace(-1, 1, n - 4)])
    matrix = q @ torch.diag(values) @ q.T
    matrix = (matrix + matrix.T) / 2

    class Quadratic(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(n))

        def forward(self, _):
            return self.w @ matrix @ self.w / 2

    def tool():
        return hessian(Quadratic(), lambda out, _: out, data=(torch.zeros(1), torch.zeros(1)),
                       cuda=False)

    seed_everything(911)
    eigenvalues, _ = tool().eigenvalues(maxIter=100, tol=1e-3, top_n=3)
    seed_everything(911)
    starts = [torch.randn(n).tolist() for _ in range(3)]

    # torch.eig is gone; this is its layout of a real spectrum.
    torch.eig = lambda t, eigenvectors: (
        torch.stack([torch.linalg.eig(t)[0].real, torch.linalg.eig(t)[0].imag], 1),
        torch.linalg.eig(t)[1].real)
    steps = 12
    seed_everything(912)
    nodes, weights = tool().density(iter=steps, n_v=2)
    seed_everything(912)
    signs = [(2 * torch.randint_like(torch.zeros(n), high=2) - 1).tolist() for _ in range(2)]
    runs = [sorted(zip(map(float, e), map(float, w))) for e, w in zip(nodes, weights)]
    return {
        "matrix": matrix.tolist(),
        "values": sorted(values.tolist(), reverse=True),
        "power": {"starts": starts, "eigenvalues": eigenvalues},
        "density": {"starts": signs, "steps": steps, "runs": runs, "curve": _curve(runs)},
    }


def _curve(runs) -> dict:
    """density_plot.py's curve at every 500th of its 10,000 points."""
    low = sum(run[0][0] for run in runs) / len(runs) - 0.01
    high = sum(run[-1][0] for run in runs) / len(runs) + 0.01
    grid = torch.linspace(low, high, 10_000)
    variance = 1e-5 * max(1.0, high - low)
    density = sum(w * torch.exp(-(grid - x) ** 2 / (2 * variance)) / math.sqrt(2 * math.pi * variance)
                  for run in runs for x, w in run) / len(runs)
    density = density / (density.sum() * (grid[1] - grid[0]))
    peak = int(density.argmax())
    at = sorted({*range(0, 10_000, 500), peak - 1, peak, peak + 1})
    return {"variance": variance, "at": at, "grid": grid[at].tolist(), "density": density[at].tolist()}


def write_hessian_cases() -> dict:
    torch.set_default_dtype(torch.float64)  # PyHessian draws its vectors in the default type
    try:
        return _write()
    finally:
        torch.set_default_dtype(torch.float32)


def _write() -> dict:
    root = FIXTURES / "landscape"
    tiny = TINY_MODELS[0]
    source = FIXTURES / tiny.name
    torch.set_default_dtype(torch.float32)
    model = load_adapted(tiny, source / "model", source / "adapter").double()
    torch.set_default_dtype(torch.float64)
    inputs = batch_tensors(json.loads((source / "batch.json").read_text(encoding="utf-8")))
    facts, tensors = {}, {}
    for name in SPACES:
        facts[name], more = space_case(model, inputs, name)
        tensors |= more
    seed_everything(920)
    eigenvalues, _ = py_hessian(model, inputs).eigenvalues(maxIter=1000, tol=1e-8, top_n=2)
    # One probe at a time: a negative running mean makes its quotient negative, and it stops at once.
    tool = py_hessian(model, inputs)
    trace = [tool.trace(maxIter=1)[0] for _ in range(200)]
    exact = facts["trainable"]["hessian"]
    largest = max(exact["largest"][0], exact["smallest"][0], key=abs)
    measured = {
        "pyhessian_lambda_max_relative": abs(eigenvalues[0] - largest) / abs(largest),
        "pyhessian_trace": (torch.tensor(trace).mean().item(),
                            (torch.tensor(trace).std() / math.sqrt(len(trace))).item()),
        "exact_trace": exact["trace"],
        "gauge_of_raw_against_row": [facts[s]["hessian"]["largest"][0] for s in ("raw", "row")],
    }
    write_tensors(root / "hessian.safetensors", tensors)
    write_json(root / "hessian.json", {
        "spaces": facts,
        "pyhessian": {"eigenvalues": eigenvalues, "trace": trace},
        "known": known_spectrum(),
    })
    return measured


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, value in write_hessian_cases().items():
        print(name, value)
