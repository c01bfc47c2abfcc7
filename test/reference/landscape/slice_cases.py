"""landscape/slices/: losses of the tiny BERT with LoRA along directions of Goldstein's rule, in float64.

The rule and the surfaces are written on whole weights: a direction is added to a copy of the model,
which is then run. Run alone it rewrites only its own folder: slice_cases.py
"""

import copy
import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from gradients import load_adapted, trainable  # noqa: E402
from store import FIXTURES, generator, write_json, write_tensors  # noqa: E402
from tiny_models import TINY_MODELS, batch_tensors  # noqa: E402

SIDE = 9  # points along each direction of a surface, from -1 to 1
EPSILON = 1e-10
SEED = 960


def write_slice_cases() -> None:
    tiny = TINY_MODELS[0]
    root = FIXTURES / tiny.name
    model = load_adapted(tiny, root / "model", root / "adapter").double()
    inputs = batch_tensors(json.loads((root / "batch.json").read_text()))
    out = FIXTURES / "landscape" / "slices"
    expected, spread = {}, {}
    for number, (space, case) in enumerate(SPACES.items()):
        weights, scales = case(model)
        drawn, scaled = [], []
        for index in range(2):
            draw = generator(SEED + 10 * number + index)
            d = {key: torch.randn(w.shape, generator=draw, dtype=torch.float64).float().double()
                 for key, w in weights.items()}
            drawn.append(d)
            scaled.append({key: goldstein(d[key], *scales[key]) for key in d})
        # What is imported is float32: the reference moves along just those numbers.
        imported = [{key: d.float() for key, d in direction.items()} for direction in scaled]
        write_tensors(out / f"{space}-drawn.safetensors", _numbered(drawn))
        write_tensors(out / f"{space}.safetensors", _numbered(imported))
        expected |= {f"{space}.scaled.{key}": d for key, d in _numbered(scaled).items()}
        losses, noise = surface(model, inputs, space, [
            {key: d.double() for key, d in direction.items()} for direction in imported])
        expected |= {f"{space}.loss": losses, f"{space}.noise": noise}
        spread[space] = [losses.min().item(), losses.max().item()]
    write_tensors(out / "expected.safetensors", expected)
    write_json(out / "measured.json", spread)


def _numbered(directions: list[dict]) -> dict[str, torch.Tensor]:
    return {f"{index}.{key}": d for index, direction in enumerate(directions)
            for key, d in direction.items()}


def goldstein(d: torch.Tensor, weight: torch.Tensor, norms_of) -> torch.Tensor:
    """Row by row: d_i |w_i| / (|d_i| + 1e-10). `norms_of(d)` are the |d_i| where w is measured."""
    rows = []
    for row, w, length in zip(d, weight, norms_of(d)):
        rows.append(row * torch.linalg.vector_norm(w) / (length + EPSILON))
    return torch.stack(rows)


def _row_norms(d: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.linalg.vector_norm(row) for row in d])


def raw_space(model):
    """A and B as they are stored."""
    weights = {key: p.detach() for key, p in trainable(model).items() if ".lora_" in key}
    return weights, {key: (w, _row_norms) for key, w in weights.items()}


def row_space(model):
    """Changes of B, each row as long as what s E A changes of W, to the norm of W's row."""
    weights, scales = {}, {}
    for key, layer in _layers(model).items():
        a, b = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()
        s = layer.scaling["default"]
        weights[f"{key}.lora_B.weight"] = b
        scales[f"{key}.lora_B.weight"] = (_merged(layer), lambda e, a=a, s=s: _row_norms(s * e @ a))
    return weights, scales


def full_space(model):
    """W = W0 + sBA of the adapted linears."""
    weights = {f"{key}.weight": _merged(layer) for key, layer in _layers(model).items()}
    return weights, {key: (w, _row_norms) for key, w in weights.items()}


SPACES = {"raw": raw_space, "row": row_space, "full": full_space}


def _layers(model) -> dict[str, torch.nn.Module]:
    """Adapted linears by PEFT path, with PEFT's prefix."""
    return {name: layer for name, layer in model.named_modules() if hasattr(layer, "lora_A")
            and len(layer.lora_A) > 0}


def _merged(layer) -> torch.Tensor:
    a, b = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()
    return layer.base_layer.weight.detach() + layer.scaling["default"] * b @ a


def surface(model, inputs: dict, space: str, directions: list[dict]):
    """[SIDE (second direction), SIDE (first)]: mean loss, and its standard error over the rows."""
    places = torch.linspace(-1, 1, SIDE, dtype=torch.float64).tolist()
    labels = inputs["labels"]
    rest = {key: value for key, value in inputs.items() if key != "labels"}
    losses, noise = torch.zeros(SIDE, SIDE).double(), torch.zeros(SIDE, SIDE).double()
    for i, beta in enumerate(places):
        for j, alpha in enumerate(places):
            moved = copy.deepcopy(model)
            with torch.no_grad():
                for t, direction in zip((alpha, beta), directions):
                    for key, d in direction.items():
                        _target(moved, space, key).add_(t * d)
                each = cross_entropy(moved(**rest).logits, labels, reduction="none")
            losses[i, j] = each.mean()
            noise[i, j] = each.std(unbiased=True) / len(each) ** 0.5
    return losses, noise


def _target(model, space: str, key: str) -> torch.Tensor:
    if space == "full":
        return _layers(model)[key.removesuffix(".weight")].base_layer.weight
    return trainable(model)[key]


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    write_slice_cases()
