"""Expected logits, loss, gradients and Hessian-vector products of an adapter on a batch."""

import copy
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file

from store import generator
from tiny_models import TinyModel, batch_tensors, load_model


def load_adapted(tiny: TinyModel, model_dir: Path, adapter_dir: Path) -> torch.nn.Module:
    base = load_model(tiny, model_dir)
    return PeftModel.from_pretrained(base, str(adapter_dir), is_trainable=True).eval()


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Trainable parameters under the keys of adapter_model.safetensors, sorted."""
    found = {
        name.replace(".default", "").replace(".modules_to_save", ""): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    return dict(sorted(found.items()))


def expected_tensors(tiny: TinyModel, model_dir: Path, adapter_dir: Path, batch: dict,
                     seed: int) -> dict[str, torch.Tensor]:
    """Everything an engine must reproduce. Names ending in 64 (before the key) are float64."""
    single = load_adapted(tiny, model_dir, adapter_dir)
    double = copy.deepcopy(single).double()
    stored = load_file(str(adapter_dir / "adapter_model.safetensors"))
    assert set(trainable(single)) == set(stored), "key mapping differs from PEFT's writer"
    inputs = batch_tensors(batch)
    out = {}
    for suffix, model in (("", single), ("64", double)):
        parameters = trainable(model)
        result = model(**inputs)
        grads = torch.autograd.grad(result.loss, list(parameters.values()))
        out[f"logits{suffix}"] = result.logits
        out[f"loss{suffix}"] = result.loss.reshape(1)
        out |= {f"grad{suffix}.{key}": grad for key, grad in zip(parameters, grads)}
    out |= hessian_vector_product(double, inputs, seed)
    if tiny.task == "cls":
        out |= _merged(tiny, model_dir, inputs, double)
    return out


def hessian_vector_product(double: torch.nn.Module, inputs: dict, seed: int) -> dict:
    """`vector.<key>` (float32) and `hvp.<key>` (float64) over the LoRA factors, head fixed."""
    parameters = {key: p for key, p in trainable(double).items() if ".lora_" in key}
    draw = generator(seed)
    vector = {key: torch.randn(p.shape, generator=draw) for key, p in parameters.items()}

    def gradient() -> tuple[torch.Tensor, ...]:
        loss = double(**inputs).loss
        return torch.autograd.grad(loss, list(parameters.values()), create_graph=True)

    directional = sum((g * v.double()).sum() for g, v in zip(gradient(), vector.values()))
    hvp = dict(zip(parameters, torch.autograd.grad(directional, list(parameters.values()))))
    _check_by_differences(parameters, vector, hvp, gradient)
    out = {f"vector.{key}": v for key, v in vector.items()}
    return out | {f"hvp.{key}": h for key, h in hvp.items()}


def _check_by_differences(parameters: dict, vector: dict, hvp: dict, gradient) -> None:
    # Relative to |v|, so that one step fits few and many parameters.
    step = 3e-5 / torch.stack([v.norm() for v in vector.values()]).norm().item()

    def shifted(factor: float) -> list[torch.Tensor]:
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter += factor * step * vector[key].double()
        return [g.detach() for g in gradient()]

    plus, minus = shifted(1.0), shifted(-2.0)
    shifted(1.0)
    difference = [(p - m) / (2 * step) for p, m in zip(plus, minus)]
    exact = torch.cat([h.flatten() for h in hvp.values()])
    error = torch.cat([d.flatten() for d in difference]) - exact
    # Truncation (3e-5)² times third derivatives up to 100, rounding 1e-16 / 3e-5.
    assert error.norm() < 1e-7 * exact.norm(), f"HVP check {error.norm() / exact.norm():.1e}"


def _merged(tiny: TinyModel, model_dir: Path, inputs: dict,
            adapted: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Logits of the bare base and of the merged model, and merged query weights, all float64."""
    base = load_model(tiny, model_dir).double()
    merged = copy.deepcopy(adapted).merge_and_unload()
    with torch.no_grad():
        logits = merged(**inputs).logits
        reference = adapted(**inputs).logits
        base_logits = base(**inputs).logits
    assert (logits - reference).abs().max() < 1e-12, "merging changed the function"
    assert (base_logits - reference).abs().max() > 1e-2, "the adapter does nothing"
    before = dict(base.named_parameters())
    changed = {
        f"merged.{name}": parameter
        for name, parameter in merged.named_parameters()
        if "query.weight" in name and not torch.equal(parameter, before[name])
    }
    return {"base-logits": base_logits, "merged-logits": logits, **changed}
