"""adapters/: DoRA, PiSSA and OLoRA against PEFT, bottleneck layers, full fine-tuning, LoRA+, LoRA-FA.

Run alone it rewrites only its own folder: adapter_kinds.py
"""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from peft import PeftModel, get_peft_model  # noqa: E402
from peft.optimizers import create_loraplus_optimizer  # noqa: E402
from peft.tuners.lora.dora import DoraLinearLayer  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers.activations import ACT2FN  # noqa: E402

from gradients import load_adapted, trainable  # noqa: E402
from store import FIXTURES, generator, save_adapter, seed_everything, write_json, write_tensors  # noqa: E402
from tiny_models import TINY_MODELS, batch_tensors, load_model, lora_config  # noqa: E402

BERT = TINY_MODELS[0]
PREFIX = "base_model.model."
ROOT = FIXTURES / "adapters"
MODEL = FIXTURES / BERT.name / "model"


def write_adapter_kinds() -> dict[str, float]:
    """Folders of `adapters`; returns the largest float32 error of a gradient in each."""
    shutil.rmtree(ROOT, ignore_errors=True)
    batch = batch_tensors(json.loads((FIXTURES / BERT.name / "batch.json").read_text()))
    measured = {
        "dora": _dora("dora", batch, 901),
        "dora-all-linear": _dora("dora-all-linear", batch, 902, target_modules="all-linear",
                                 use_rslora=True),
        "pissa": _decomposed("pissa", batch, 903),
        "pissa-rslora": _decomposed("pissa", batch, 904, use_rslora=True),
        "olora": _decomposed("olora", batch, 905),
        "bottleneck-both": _bottleneck("bottleneck-both", batch, 906, "both", "silu", 8),
        "bottleneck-ffn": _bottleneck("bottleneck-ffn", batch, 907, "ffn", "gelu", 12),
        "full": _full(batch, 908),
    }
    _optimizers()
    write_json(ROOT / "measured.json", measured)
    return measured


def expected(model: torch.nn.Module, names: dict[str, str], batch: dict, seed: int) -> dict:
    """Loss, logits, gradients and a Hessian-vector product in float64; `names`: key -> parameter."""
    double = {key: dict(model.named_parameters())[name] for key, name in names.items()}
    result = model(**batch)
    grads = torch.autograd.grad(result.loss, list(double.values()))
    out = {"logits64": result.logits, "loss64": result.loss.reshape(1)}
    out |= {f"grad64.{key}": grad for key, grad in zip(double, grads)}
    return out | hvp(model, double, batch, seed)


def hvp(model: torch.nn.Module, parameters: dict, batch: dict, seed: int) -> dict:
    """Over all parameters but the head; with DoRA the norm is differentiated (the loss's Hessian)."""
    inner = {key: p for key, p in parameters.items() if "classifier" not in key}
    draw = generator(seed)
    vector = {key: torch.randn(p.shape, generator=draw) for key, p in inner.items()}

    def gradient() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(model(**batch).loss, list(inner.values()), create_graph=True)

    with attached_norm():
        along = sum((g * v.double()).sum() for g, v in zip(gradient(), vector.values()))
        products = torch.autograd.grad(along, list(inner.values()))
        step = 3e-5 / torch.stack([v.norm() for v in vector.values()]).norm().item()

        def shifted(factor: float) -> list[torch.Tensor]:
            with torch.no_grad():
                for key, parameter in inner.items():
                    parameter += factor * step * vector[key].double()
            return [g.detach() for g in gradient()]

        plus, minus = shifted(1.0), shifted(-2.0)
        shifted(1.0)
    exact = torch.cat([p.flatten() for p in products])
    error = torch.cat([((p - m) / (2 * step)).flatten() for p, m in zip(plus, minus)]) - exact
    assert error.norm() < 1e-6 * exact.norm(), f"HVP check {error.norm() / exact.norm():.1e}"
    return {f"vector.{key}": v for key, v in vector.items()} | {
        f"hvp.{key}": p for key, p in zip(inner, products)}


@contextmanager
def attached_norm():
    """DoRA as the paper writes it, its norm not detached."""
    detached = DoraLinearLayer.forward

    def forward(self, x, *, lora_A, lora_B, scaling, base_layer, base_result=None, **_):
        v = base_layer.weight + scaling * lora_B.weight @ lora_A.weight
        g = self.weight / v.norm(dim=1)
        return (g - 1) * (base_result - base_layer.bias) + g * scaling * lora_B(lora_A(x))

    DoraLinearLayer.forward = forward
    try:
        yield
    finally:
        DoraLinearLayer.forward = detached


def _float32_error(model: torch.nn.Module, names: dict, batch: dict, out: dict) -> float:
    single = dict(model.named_parameters())
    grads = torch.autograd.grad(model(**batch).loss, [single[name] for name in names.values()])
    # A key's bias shifts all scores of a query alike: its gradient is 0 but for rounding.
    scale = lambda key: out[f"grad64.{key.replace('key.bias', 'key.weight')}"].abs().max()  # noqa: E731
    return max(((g.double() - out[f"grad64.{key}"]).abs().max() / scale(key)).item()
               for key, g in zip(names, grads))


def _peft_names(model: torch.nn.Module) -> dict[str, str]:
    def key(name: str) -> str:
        short = name.replace(".default", "").replace(".modules_to_save", "")
        return short.replace(".lora_magnitude_vector.weight", ".lora_magnitude_vector")

    return {key(n): n for n, p in sorted(model.named_parameters()) if p.requires_grad}


def _write(folder: Path, model: torch.nn.Module, names: dict, batch: dict, seed: int,
           more: dict | None = None) -> float:
    out = expected(model.double(), names, batch, seed)
    error = _float32_error(model.float(), names, batch, out)
    write_tensors(folder / "expected.safetensors", out | (more or {}))
    return error


def _noise(model: torch.nn.Module, names: dict, seed: int, scale: float) -> None:
    draw = generator(seed)
    with torch.no_grad():
        for name in names.values():
            parameter = dict(model.named_parameters())[name]
            parameter += scale * torch.randn(parameter.shape, generator=draw)


def _dora(name: str, batch: dict, seed: int, **overrides) -> float:
    seed_everything(seed)
    model = get_peft_model(load_model(BERT, MODEL), lora_config(BERT, use_dora=True, **overrides))
    model.eval()
    _noise(model, _peft_names(model), seed, 0.2)
    save_adapter(model, ROOT / name / "adapter", f"{BERT.name}/model")
    return _write(ROOT / name, model, _peft_names(model), batch, seed)


def _decomposed(init: str, batch: dict, seed: int, **overrides) -> float:
    """`start.<key>` and `residual.<weight>` of PEFT; then the factors moved, and its conversion."""
    folder = ROOT / (init + ("-rslora" if overrides else ""))
    seed_everything(seed)
    config = lora_config(BERT, init_lora_weights=init, **overrides)
    model = get_peft_model(load_model(BERT, MODEL), config).eval()
    names = _peft_names(model)
    parameters = dict(model.named_parameters())
    more = {f"start.{k}": parameters[n].detach().clone() for k, n in names.items() if "lora" in k}
    more |= {f"residual.{n.removeprefix(PREFIX).replace('.base_layer', '')}": p.detach().clone()
             for n, p in parameters.items() if n.endswith("base_layer.weight")}
    initial = folder / "initial"
    config.init_lora_weights = True  # or PEFT would decompose the initial adapter again
    model.save_pretrained(str(initial))
    config.init_lora_weights = init
    _noise(model, {k: n for k, n in names.items() if "lora" in k}, seed, 0.1)
    more |= {f"moved.{k}": parameters[n].detach().clone() for k, n in names.items()}
    model.save_pretrained(str(folder / "adapter"),
                          path_initial_model_for_weight_conversion=str(initial))
    shutil.rmtree(initial)
    # PEFT's conversion keeps only LoRA tensors: it drops the head, without which it does not load.
    weights = folder / "adapter" / "adapter_model.safetensors"
    head = {k: parameters[n].detach() for k, n in names.items() if "lora" not in k}
    converted_tensors = load_file(str(weights))
    assert all("lora" in key for key in converted_tensors)
    write_tensors(weights, converted_tensors | head)
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    converted = PeftModel.from_pretrained(load_model(BERT, MODEL), str(folder / "adapter")).eval()
    with torch.no_grad():
        gap = (converted(**batch).logits - model(**batch).logits).abs().max().item()
    assert gap < 1e-4, f"PEFT's own conversion is {gap:.1e} off"
    shutil.rmtree(folder / "adapter")
    return _write(folder, model, names, batch, seed, more)


class Bottleneck(torch.nn.Module):
    """h + up(f(down(h)))."""

    def __init__(self, width: int, size: int, activation: str) -> None:
        super().__init__()
        self.down = torch.nn.Linear(width, size)
        self.up = torch.nn.Linear(size, width)
        self.f = ACT2FN[activation]

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h + self.up(self.f(self.down(h)))


def _bottleneck(name: str, batch: dict, seed: int, position: str, activation: str,
                size: int) -> float:
    seed_everything(seed)
    model = load_model(BERT, MODEL)
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)
    for layer in model.bert.encoder.layer:
        outputs = [layer.attention.output, layer.output] if position == "both" else [layer.output]
        for output in outputs:
            output.adapter = Bottleneck(model.config.hidden_size, size, activation)
            _insert(output, before_sum=position == "both")
    names = {PREFIX + n: n for n, p in sorted(model.named_parameters()) if p.requires_grad}
    values = {f"value.{k}": dict(model.named_parameters())[n].detach().clone()
              for k, n in names.items()}
    return _write(ROOT / name, model, names, batch, seed, values)


def _insert(output: torch.nn.Module, before_sum: bool) -> None:
    def forward(hidden: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        hidden = output.dropout(output.dense(hidden))
        if before_sum:
            return output.LayerNorm(output.adapter(hidden) + residual)
        return output.adapter(output.LayerNorm(hidden + residual))

    output.forward = forward


def _full(batch: dict, seed: int) -> float:
    model = load_model(BERT, MODEL)
    names = {PREFIX + n: n for n, _ in sorted(model.named_parameters())}
    return _write(ROOT / "full", model, names, batch, seed)


def _optimizers() -> None:
    """Five float64 AdamW steps with PEFT's LoRA+ groups, and with LoRA-FA's formula."""
    batches = json.loads((FIXTURES / "steps" / "batches.json").read_text())
    for name in ("loraplus", "lorafa"):
        model = load_adapted(BERT, MODEL, FIXTURES / BERT.name / "adapter").double()
        parameters = trainable(model)
        settings = {"lr": 5e-3, "betas": (0.9, 0.999), "eps": 1e-8}
        if name == "loraplus":
            optimizer = create_loraplus_optimizer(
                model, torch.optim.AdamW, loraplus_lr_ratio=4.0, **settings)
        else:
            moved = [p for k, p in parameters.items() if "lora_A" not in k]
            optimizer = torch.optim.AdamW(moved, weight_decay=0.0, **settings)
        log: dict[str, list[torch.Tensor]] = {}
        for batch in batches[:5]:
            for p in parameters.values():
                p.grad = None
            model(**batch_tensors(batch)).loss.backward()
            if name == "lorafa":
                _precondition(parameters, s=2.0)
            optimizer.step()
            for key, p in parameters.items():
                log.setdefault(f"param.{key}", []).append(p.detach().clone())
        write_tensors(ROOT / name / "float64.safetensors",
                      {key: torch.stack(values) for key, values in log.items()})


def _precondition(parameters: dict, s: float) -> None:
    """gB <- gB (A A^T + 1e-8 I)^-1 / s^2; PEFT's own optimizer does the product in bfloat16."""
    for key, p in parameters.items():
        if "lora_B" not in key:
            continue
        a = parameters[key.replace("lora_B", "lora_A")].detach()
        p.grad = p.grad @ torch.linalg.inv(a @ a.T + 1e-8 * torch.eye(a.shape[0])) / s**2


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for case, error in write_adapter_kinds().items():
        print(f"{case}: float32 gradients within {error:.1e} of float64")
