"""checkpoints/: adapters by PEFT with numpy's measures of them, and histograms of every dtype.

Run alone it rewrites only its own folder: checkpoint_cases.py
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json  # noqa: E402
import shutil  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from peft.tuners.lora import LoraLayer  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from store import FIXTURES, generator, save_adapter, write_json  # noqa: E402

ROOT = FIXTURES / "checkpoints"
BINS = [10, 64]


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(24, 40)
        self.down = nn.Linear(40, 24)
        self.narrow = nn.Linear(24, 3)


class Toy(nn.Module):
    """Linears, an embedding and a convolution, one of them narrower than the rank."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 24)
        self.patch = nn.Conv2d(3, 8, 2)
        self.layers = nn.ModuleList([Block(), Block()])

    def forward(self, ids):
        return self.words(ids)


def write_checkpoint_cases() -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [
            _adapter("toy", r=4, lora_alpha=8, rank_pattern={"up": 8, r"layers\.1\.down": 2},
                     alpha_pattern={"up": 5}),
            _adapter("toy-rslora", r=6, lora_alpha=3, use_rslora=True),
        ]
    write_json(ROOT / "pairs.json", cases)
    write_json(ROOT / "histograms.json", _histograms())


def _adapter(name: str, **settings) -> dict:
    torch.manual_seed(51)
    targets = ["up", "down", "narrow", "words", "patch"]
    model = get_peft_model(Toy(), LoraConfig(target_modules=targets, **settings))
    model.add_adapter("second", LoraConfig(r=2, lora_alpha=7, target_modules=["up"]))
    _spread(model)
    directory = ROOT / name
    save_adapter(model, directory, "toy")
    for config in directory.glob("**/adapter_config.json"):
        _sort(config)
    for readme in directory.glob("**/README.md"):
        readme.unlink()
    # The same factors under the names of a live model, which carry the adapter's.
    live = {key: value for key, value in model.state_dict().items() if "lora_" in key}
    save_file({key: value.contiguous() for key, value in live.items()},
              str(directory / "live.safetensors"))
    rows = {"default": {}, "second": {}}
    for path, layer in sorted(model.named_modules()):
        if isinstance(layer, LoraLayer):
            for adapter, out in rows.items():
                if adapter in layer.scaling:
                    out[path.removeprefix("base_model.model.")] = _measures(layer, adapter)
    return {"name": name, "adapters": rows}


def _spread(model) -> None:
    """Factors whose singular values span three decades; one B of zero, as before training."""
    draw = generator(52)
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            continue
        flat = parameter.data.reshape(parameter.shape[0], -1)
        u, _, v = torch.linalg.svd(torch.randn(flat.shape, generator=draw, dtype=torch.float64),
                                   full_matrices=False)
        values = torch.logspace(0, -3, v.shape[0], dtype=torch.float64)
        parameter.data.copy_((u * values @ v).reshape(parameter.shape))
        if "layers.0.down" in name and "lora_B" in name:
            parameter.data.zero_()


def _measures(layer, adapter: str) -> dict:
    embedding = adapter in layer.lora_embedding_A
    a = layer.lora_embedding_A[adapter] if embedding else layer.lora_A[adapter].weight
    b = layer.lora_embedding_B[adapter] if embedding else layer.lora_B[adapter].weight
    a, b = (t.detach().double().numpy() for t in (a, b))
    r = a.shape[0]
    a, b = a.reshape(r, -1), b.reshape(b.shape[0], -1)
    s = layer.scaling[adapter]
    delta = s * b @ a
    sigma = numpy.linalg.svd(delta, compute_uv=False)[:min(r, *delta.shape)]
    p = sigma / sigma.sum() if sigma[0] > 0 else sigma
    p = p[p > 0]
    zero = sigma[0] == 0
    return {
        "rank": r, "scale": s, "singularValues": sigma.tolist(),
        "normA": numpy.linalg.norm(a), "normB": numpy.linalg.norm(b),
        "balancedness": (numpy.linalg.norm(b) ** 2 - numpy.linalg.norm(a) ** 2) / 2,
        "normDeltaW": numpy.linalg.norm(delta), "spectralNorm": sigma[0],
        "stableRank": None if zero else numpy.linalg.norm(delta) ** 2 / sigma[0] ** 2,
        "effectiveRank": None if zero else float(numpy.exp(-(p * numpy.log(p)).sum())),
        # A factor narrower than its rank is deficient by definition: null.
        "kappaA": numpy.linalg.cond(a) if a.shape[1] >= r else None,
        "kappaB": None if zero or b.shape[0] < r else numpy.linalg.cond(b),
    }


def _sort(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = "toy"
    # It names the Python module that this script happens to be.
    config["auto_mapping"] = None
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _histograms() -> list[dict]:
    draw = generator(53)
    normal = torch.randn(3001, generator=draw, dtype=torch.float64)
    holes = normal.float().clone()
    holes[[0, 7, 3000]] = torch.tensor([float("nan"), float("inf"), float("-inf")])
    whole = torch.randint(-100, 100, (777,), generator=draw)
    tensors = {
        "f64": normal, "f32": normal.float(), "f16": normal.half(), "bf16": normal.bfloat16(),
        "i64": whole * 10**12, "i32": whole.int(), "i16": whole.short(),
        "i8": whole.to(torch.int8), "u8": whole.abs().to(torch.uint8),
        "bool": whole > 0, "holes": holes, "constant": torch.full((5,), 0.25),
        "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4),
        "nothing": torch.full((3,), float("nan")), "offset": normal.float() + 1e6,
    }
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()},
              str(ROOT / "dtypes.safetensors"), metadata={"note": "every dtype"})
    loaded = load_file(str(ROOT / "dtypes.safetensors"))
    return [_statistics(name, loaded[name]) for name in tensors]


def _statistics(name: str, tensor: torch.Tensor) -> dict:
    values = tensor.double().numpy().ravel()
    finite = values[numpy.isfinite(values)]
    some = len(finite) > 0
    bars = []
    for bins in BINS:
        counts, edges = numpy.histogram(finite, bins) if some else ([], [])
        bars.append({"bins": bins, "counts": [int(c) for c in counts],
                     "edges": [float(e) for e in edges]})
    return {
        "name": name, "values": len(values), "nan": int(numpy.isnan(values).sum()),
        "infinite": int(numpy.isposinf(values).sum()),
        "negativeInfinite": int(numpy.isneginf(values).sum()),
        "zeros": int((values == 0).sum()),
        "min": float(finite.min()) if some else None, "max": float(finite.max()) if some else None,
        "mean": float(finite.mean()) if some else None,
        "std": float(finite.std()) if some else None,
        "histograms": bars,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_checkpoint_cases()
    print(sum(f.stat().st_size for f in ROOT.rglob("*") if f.is_file()) / 1e3, "kB in", ROOT)
