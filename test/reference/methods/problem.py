"""The tiny BERT under its LoRA adapter as plain functions of its trainable tensors, in float64."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft.tuners.lora import LoraLayer

from gradients import load_adapted, trainable
from tiny_models import TinyModel, batch_tensors

Tensors = dict[str, torch.Tensor]


@dataclass
class Pair:
    """One adapted linear: W = w0 + s B A, plus what a method adds to its output."""

    path: str
    a: str  # key of A [r, m]
    b: str  # key of B [n, r]
    s: float
    w0: torch.Tensor  # [n, m]
    noise: torch.Tensor | None = None  # [n, m], added to W
    second: tuple[torch.Tensor, torch.Tensor] | None = None  # A2, B2: W + B2 A2


@dataclass(frozen=True)
class At:
    """Where in the run a step is."""

    t: int  # 1-based
    total: int
    lr: float
    rho: float


class Problem:
    def __init__(self, tiny: TinyModel, fixtures: Path, adapter: str):
        model_dir = fixtures / tiny.name / "model"
        self._model = load_adapted(tiny, model_dir, fixtures / adapter).double()
        self._parameters = trainable(self._model)
        self.start = {key: p.detach().clone() for key, p in self._parameters.items()}
        self.adapter_keys = [key for key in self.start if ".lora_" in key]
        self.pairs = []
        for name, layer in sorted(self._model.named_modules()):
            if isinstance(layer, LoraLayer):
                pair = Pair(name.removeprefix("base_model.model."), f"{name}.lora_A.weight",
                            f"{name}.lora_B.weight", layer.scaling["default"],
                            layer.base_layer.weight.detach().clone())
                self.pairs.append(pair)
                layer.register_forward_hook(lambda _l, x, y, p=pair: _with_extras(p, x[0], y))

    def gradient(self, w: Tensors, batches: list[dict], also: list[torch.Tensor] = []):
        """Mean loss over all rows, its gradient by key, and its gradient in `also`."""
        with torch.no_grad():
            for key, p in self._parameters.items():
                p.copy_(w[key])
        losses = torch.cat([self.losses(batch) for batch in batches])
        wanted = [*self._parameters.values(), *also]
        found = torch.autograd.grad(losses.mean(), wanted)
        return losses.mean().detach(), dict(zip(self._parameters, found)), found[len(w):]

    def losses_at(self, w: Tensors, batches: list[dict]) -> torch.Tensor:
        """Loss of each example."""
        with torch.no_grad():
            for key, p in self._parameters.items():
                p.copy_(w[key])
            return torch.cat([self.losses(batch) for batch in batches])

    def losses(self, batch: dict) -> torch.Tensor:
        inputs = batch_tensors(batch)
        labels = inputs.pop("labels")
        logits = self._model(**inputs).logits
        return torch.nn.functional.cross_entropy(logits, labels, reduction="none")

    def weight_gradients(self, w: Tensors, batches: list[dict]):
        """Loss, gradient by key, and the true G = dL/dW [n, m] of every pair."""
        for pair in self.pairs:
            pair.noise = torch.zeros_like(pair.w0, requires_grad=True)
        loss, g, full = self.gradient(w, batches, [pair.noise for pair in self.pairs])
        for pair in self.pairs:
            pair.noise = None
        return loss, g, full

    def hessian_times(self, w: Tensors, batches: list[dict], z: Tensors) -> Tensors:
        """Hz over the keys of z, by double backward."""
        with torch.no_grad():
            for key, p in self._parameters.items():
                p.copy_(w[key])
        loss = torch.cat([self.losses(batch) for batch in batches]).mean()
        of = [self._parameters[key] for key in z]
        first = torch.autograd.grad(loss, of, create_graph=True)
        along = sum((g * v).sum() for g, v in zip(first, z.values()))
        return dict(zip(z, torch.autograd.grad(along, of)))


def _with_extras(pair: Pair, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if pair.noise is not None:
        y = y + x @ pair.noise.T
    if pair.second is not None:
        a2, b2 = pair.second
        y = y + x @ a2.T @ b2.T
    return y


def norm(g: Tensors) -> torch.Tensor:
    """All tensors as one vector."""
    return sum((v**2).sum() for v in g.values()).sqrt()


def dot(x: Tensors, y: Tensors) -> torch.Tensor:
    return sum((x[key] * y[key]).sum() for key in x)


def moved(w: Tensors, e: Tensors) -> Tensors:
    return {key: v + e[key] if key in e else v for key, v in w.items()}


def pick(g: Tensors, keys: list[str]) -> Tensors:
    return {key: g[key] for key in keys}
