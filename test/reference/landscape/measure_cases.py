"""landscape/: loss-based measures of the tiny BERT with LoRA, in float64 and without shortcuts.

Run alone it rewrites only its own files: measure_cases.py
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
from store import FIXTURES, generator, write_json, write_tensors  # noqa: E402
from tiny_models import TINY_MODELS, batch_tensors  # noqa: E402

DRAWS = 3


class Place:
    """A loss as a function of x, by block: w + Jx. Blocks are named by what the engine moves."""

    def __init__(self, model, batch: dict, space: str, module: str | None, normalize: bool = False):
        self.model, self.batch, self.normalize = model, batch_tensors(batch), normalize
        self.values, self.push = {}, {}
        stored = {key: (name, p.detach()) for key, (name, p) in _named(model).items()}
        for key, (name, value) in stored.items():
            if module is not None and module not in key:
                continue
            if space == "trainable" or (space == "raw" and ".lora_" in key):
                self.values[key] = value
                self.push[key] = lambda x, name=name, value=value: (name, value + x)
            elif space in ("row", "full") and "lora_B" in key:
                a = stored[key.replace("lora_B", "lora_A")][1]
                self._linear(space, key, name, value, a)

    def _linear(self, space: str, key: str, name: str, b: torch.Tensor, a: torch.Tensor) -> None:
        path = name.removesuffix(".lora_B.default.weight")
        layer = self.model.get_submodule(path)
        s = layer.scaling["default"]
        if space == "full":
            frozen = layer.base_layer.weight.detach()
            full = f"full.{path.removeprefix('base_model.model.')}"
            self.values[full] = frozen + s * b @ a
            self.push[full] = lambda x: (f"{path}.base_layer.weight", frozen + x)
        else:
            q = _row_basis(a)
            l = a @ q  # A = L Qᵀ
            self.values[key] = s * b @ l
            self.push[key] = lambda x: (name, b + x @ torch.linalg.inv(l) / s)

    def zero(self) -> dict[str, torch.Tensor]:
        return {key: torch.zeros_like(value) for key, value in self.values.items()}

    def loss(self, x: dict[str, torch.Tensor]) -> torch.Tensor:
        parameters = dict(push(x[key]) for key, push in self.push.items())
        logits = functional_call(self.model, parameters, kwargs=self.batch).logits
        if self.normalize:
            logits = logits - logits.mean(-1, keepdim=True)
            logits = logits / logits.norm(dim=-1, keepdim=True).clamp(min=1e-10)
        return torch.nn.functional.cross_entropy(logits, self.batch["labels"])

    def value(self, x: dict[str, torch.Tensor]) -> float:
        with torch.no_grad():
            return self.loss(x).item()

    def slope(self, x: dict[str, torch.Tensor]) -> tuple[float, dict[str, torch.Tensor]]:
        leaves = {key: value.clone().requires_grad_() for key, value in x.items()}
        loss = self.loss(leaves)
        gradients = torch.autograd.grad(loss, list(leaves.values()))
        return loss.item(), dict(zip(leaves, gradients))


def _named(model) -> dict[str, tuple[str, torch.nn.Parameter]]:
    """PEFT's key to the module's own name and value."""
    names = {id(p): name for name, p in model.named_parameters()}
    return {key: (names[id(p)], p) for key, p in trainable(model).items()}


def _row_basis(a: torch.Tensor) -> torch.Tensor:
    """Orthonormal basis [m, r] of the row space that depends on the space alone: Gram-Schmidt over
    the columns of its projector, the longest remainder first."""
    left = torch.linalg.pinv(a) @ a
    basis = []
    for _ in range(a.shape[0]):
        column = left[:, left.norm(dim=0).argmax()]
        basis.append(column / column.norm())
        left = left - torch.outer(basis[-1], basis[-1] @ left)
    return torch.stack(basis, 1)


def _norm(x: dict[str, torch.Tensor]) -> float:
    return math.sqrt(sum(v.square().sum().item() for v in x.values()))


def _sum(*terms: tuple[float, dict]) -> dict[str, torch.Tensor]:
    return {key: sum(factor * x[key] for factor, x in terms) for key in terms[0][1]}


def sam(place: Place, rho: float) -> dict:
    loss, g = place.slope(place.zero())
    return {"value": place.value(_sum((rho / _norm(g), g))) - loss, "loss": loss}


def sam_steps(place: Place, rho: float, steps: int, step_size: float) -> dict:
    delta, losses = place.zero(), []
    for _ in range(steps):
        loss, g = place.slope(delta)
        losses.append(loss)
        delta = _sum((1.0, delta), (step_size / _norm(g), g))
        delta = _sum((min(1.0, rho / _norm(delta)), delta))
    losses.append(place.value(delta))
    return {"value": max(losses) - losses[0], "loss": losses[0]}


def first_order(place: Place, rho: float) -> dict:
    loss, g = place.slope(place.zero())
    return {"value": rho * _norm(place.slope(_sum((rho / _norm(g), g)))[1]), "loss": loss}


def critical(place: Place) -> dict | None:
    """The first step of a fine scan that raises the loss, then plain bisection; None without one."""
    loss, g = place.slope(place.zero())
    rises = lambda eta: place.value(_sum((-eta, g))) > loss  # noqa: E731
    eta = 0.02 * loss / _norm(g) ** 2
    while not rises(eta):
        eta *= 1.1
        if eta > 1e3 * loss / _norm(g) ** 2:
            return None
    low, high = eta / 1.1, eta
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return {"value": 2 / high, "loss": loss, "eta_c": high}


def average(place: Place, rho: float, noise: list[dict], adaptive: bool) -> dict:
    loss = place.value(place.zero())
    rises = torch.tensor([
        place.value({key: rho * z.double() * (place.values[key].abs() if adaptive else 1.0)
                     for key, z in draw.items()}) - loss
        for draw in noise
    ], dtype=torch.float64)
    return {"value": rises.mean().item(), "loss": loss,
            "standardError": (rises.std() / len(noise) ** 0.5).item()}


def adaptive_worst(place: Place, rho: float, norm: str, steps: int, bounds: dict | None = None) -> dict:
    """Auto-PGD on weights. `bounds`: the size of each coordinate, |w| unless given."""
    size = bounds or {key: value.abs() for key, value in place.values.items()}
    step = 2 * rho
    base, g = place.slope(place.zero())
    now = older = best = (place.zero(), base, g)
    # (iteration, step, best loss) at the last checkpoint.
    mark, higher = (0, step, base), 0
    for k in range(steps):
        delta, _, g = now
        if norm == "l2":
            moved = {key: delta[key] + step * size[key] * g[key] / _norm(g) for key in delta}
            target = _into_ellipsoid(moved, size, rho)
        else:
            moved = {key: delta[key] + step * size[key] * g[key].sign() for key in delta}
            target = {key: torch.maximum(torch.minimum(moved[key], rho * size[key]), -rho * size[key])
                      for key in delta}
        point = _sum((0.75, target), (0.25, older[0]))
        older, now = now, (point, *place.slope(point))
        if now[1] > best[1]:
            best, higher = now, higher + 1
        if k in _checkpoints(steps):
            few = higher < 0.75 * (k - mark[0])
            nothing_new = mark[1] == step and mark[2] == best[1]
            mark, higher = (k, step, best[1]), 0
            if few or nothing_new:
                step, now, older = step / 2, best, best
    return {"value": best[1] - base, "loss": base}


def _checkpoints(steps: int) -> set[int]:
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return {math.ceil(round(share * steps, 9)) for share in shares[1:]}


def _into_ellipsoid(x: dict, size: dict, rho: float) -> dict:
    """Nearest point with |x / size| <= rho: Newton's method on the multiplier's equation."""
    flat, s = (torch.cat([v.flatten() for v in part.values()]) for part in (x, size))
    mu = 0.0
    for _ in range(200):
        length = (flat * s / (s**2 + mu)).norm()
        if length <= rho * (1 + 1e-14):
            break
        slope = -((flat * s) ** 2 / (s**2 + mu) ** 3).sum() / length
        mu += (length / rho * (rho - length) / slope).item()
    found, at = flat * s**2 / (s**2 + mu), 0
    out = {}
    for key, value in x.items():
        out[key] = found[at:at + value.numel()].reshape(value.shape)
        at += value.numel()
    return out


def keskar(place: Place, epsilon: float, steps: int) -> dict:
    bounds = {key: value.abs() + 1 for key, value in place.values.items()}
    found = adaptive_worst(place, epsilon, "linf", steps, bounds)
    return {**found, "value": 100 * found["value"] / (1 + found["loss"])}


def relative_flatness(place: Place) -> dict:
    """Exactly: the sum of uᵀHu over u = W e_k e_iᵀ, since the e_k e_iᵀ are an orthonormal basis."""
    (key, w), = place.values.items()
    x = place.zero()[key].requires_grad_()
    gradient, = torch.autograd.grad(place.loss({key: x}), x, create_graph=True)
    n, m = w.shape
    directions = torch.zeros(m, m, n, m, dtype=w.dtype)
    for i in range(m):
        directions[:, i, :, i] = w.T  # u of (k, i): w's column k as its column i
    directions = directions.reshape(m * m, n, m)
    products, = torch.autograd.grad(gradient, x, directions, is_grads_batched=True)
    return {"value": (products * directions).sum().item(), "loss": place.value(place.zero())}


def write_measure_cases() -> None:
    tiny = TINY_MODELS[0]
    root = FIXTURES / tiny.name
    model = load_adapted(tiny, root / "model", root / "adapter").double()
    batch = json.loads((root / "batch.json").read_text())
    modules = ["bert.encoder.layer.0.attention.self.query", "bert.encoder.layer.1.attention.self.value"]
    tensors, cases = {}, []

    def case(measure: str, space: str, scope: str, found: dict | None, **settings) -> None:
        if found is None:
            return
        cases.append({"measure": measure, "space": space, "scope": scope, **settings, "expected": found})

    def at(space: str, scope: str = "all", normalize: bool = False) -> Place:
        return Place(model, batch, space, None if scope == "all" else scope, normalize)

    for space in ("row", "raw", "full", "trainable"):
        for scope in ["all", *modules]:
            place = at(space, scope)
            rho = 0.3
            case("sam", space, scope, sam(place, rho), rho=rho)
            case("first-order-flatness", space, scope, first_order(place, rho), rho=rho)
            case("critical-sharpness", space, scope, critical(place))
        case("sam-steps", space, "all", sam_steps(at(space), 0.5, 6, 0.2), rho=0.5, steps=6, step_size=0.2)
        case("keskar", space, "all", keskar(at(space), 0.004, 8), rho=0.004, steps=8)
        for norm, rho in (("l2", 0.5), ("linf", 0.02)):
            case(f"adaptive-worst-{norm}", space, "all", adaptive_worst(at(space), rho, norm, 20),
                 rho=rho, steps=20)
            name, draw = f"{space}.{norm}", generator(700 + len(cases))
            noise = [{key: torch.randn(v.shape, generator=draw) if norm == "l2"
                      else 2 * torch.rand(v.shape, generator=draw) - 1
                      for key, v in at(space).values.items()} for _ in range(DRAWS)]
            for i, one in enumerate(noise):
                tensors |= {f"{name}.{i}.{key}": z for key, z in one.items()}
            for adaptive, radius in ((True, 0.4), (False, 0.05)):
                case(f"average-{norm}", space, "all", average(at(space), radius, noise, adaptive),
                     rho=radius, draws=DRAWS, adaptive=adaptive, noise=name)
    for norm, rho in (("l2", 1.0), ("linf", 0.05)):
        case(f"adaptive-worst-{norm}", "raw", "all", adaptive_worst(at("raw", normalize=True), rho, norm, 20),
             rho=rho, steps=20, normalize_logits=True)
    case("relative-flatness", "full", modules[0], relative_flatness(at("full", modules[0])))
    write_json(FIXTURES / "landscape" / "measures.json", cases)
    write_tensors(FIXTURES / "landscape" / "noise.safetensors", tensors)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    write_measure_cases()
    print("written")
