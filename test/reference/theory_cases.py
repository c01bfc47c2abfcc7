"""theory/: Theorem 2's measures at two probes, and the gradient's shares, naively in float64.

Run alone it rewrites only its own folder: theory_cases.py
"""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy  # noqa: E402
import torch  # noqa: E402
from peft.tuners.lora import LoraLayer  # noqa: E402

from gradients import load_adapted, trainable  # noqa: E402
from naive_perturbation import perturbations  # noqa: E402
from store import FIXTURES, generator, write_json  # noqa: E402
from tiny_models import TINY_MODELS, batch_tensors  # noqa: E402
from training_steps import Adapted  # noqa: E402

RHO, BETA = 0.05, 0.9
PROBES = [{"step": 2, "scale": 0.01, "seed": 921}, {"step": 5, "scale": 0.004, "seed": 922}]


def write_theory_cases() -> None:
    tiny = TINY_MODELS[0]
    root = FIXTURES / tiny.name
    model = load_adapted(tiny, root / "model", root / "adapter").double()
    batch = json.loads((root / "batch.json").read_text())
    spread = json.loads((FIXTURES / "steps" / "batches.json").read_text())[:8]
    modules = {name.removeprefix("base_model.model."): Adapted(layer)
               for name, layer in sorted(model.named_modules()) if isinstance(layer, LoraLayer)}
    write_json(FIXTURES / "theory" / "theorem2.json", {
        "rho": RHO, "beta": BETA, "probes": _theorem2(model, modules, batch, spread)})
    write_json(FIXTURES / "theory" / "shares.json", _shares(model, modules, batch))


def _gradient(model, modules: dict, batch: dict) -> tuple[float, torch.Tensor]:
    """Loss and the gradient of all B as one vector."""
    model.zero_grad()
    for module in modules.values():
        module.g = None
    loss = model(**batch_tensors(batch)).loss
    loss.backward()
    return loss.item(), torch.cat([m.b.grad.flatten() for m in modules.values()])


def _theorem2(model, modules: dict, batch: dict, spread: list[dict]) -> list[dict]:
    out = []
    g_max = tau = sigma = rho0 = 0.0
    for probe in PROBES:
        t, draw = probe["step"], generator(probe["seed"])
        average = {name: (probe["scale"] * torch.randn(m.b.shape, generator=draw)).float()
                   for name, m in modules.items()}
        rho = RHO / t**0.5
        clean, g = _gradient(model, modules, batch)
        sam = perturbations([m.factors() for m in modules.values()], rho, "paper_mean",
                            scope="per_layer")
        ema = [average[name].double() for name in modules]

        def at(parts: list[torch.Tensor]) -> tuple[float, torch.Tensor]:
            with torch.no_grad():
                for m, e in zip(modules.values(), parts):
                    m.b += e
            loss, gradient = _gradient(model, modules, batch)
            with torch.no_grad():
                for m, e in zip(modules.values(), parts):
                    m.b -= e
            return loss, gradient

        (loss_ema, g_ema), (loss_sam, g_sam) = at(ema), at(sam)
        flat = lambda parts: torch.cat([p.flatten() for p in parts])  # noqa: E731
        x, y = flat(ema), flat(sam)
        each = torch.stack([_gradient(model, modules, b)[1] for b in spread])
        g_max = max(g_max, g.norm().item())
        tau = max(tau, ((g_ema - g).norm() / x.norm()).item(), ((g_sam - g).norm() / y.norm()).item())
        sigma = max(sigma, (each - each.mean(0)).square().sum(1).mean().sqrt().item())
        rho0 = max(rho0, t**0.5 * y.norm().item())
        q = (1 - BETA) ** (t - 1)
        bound = ((1 + q) * tau * rho0 + g_max + sigma) * ((1 + q) * rho0 + rho0 / t**0.5)
        out.append({
            "step": t, "rho": rho,
            "average": {name: e.flatten().tolist() for name, e in average.items()},
            "measures": {
                "theorem2Ema": loss_ema - clean, "theorem2Sam": loss_sam - clean,
                "theorem2Difference": abs(loss_ema - loss_sam),
                "theorem2Cosine": (x @ y / (x.norm() * y.norm())).item(),
                "theorem2NormRatio": (x.norm() / y.norm()).item(),
                "theorem2Posterior": (max(g_ema.norm(), g_sam.norm()) * (x - y).norm()).item(),
                "theorem2Bound": bound, "theorem2G": g_max, "theorem2Tau": tau,
                "theorem2Sigma": sigma, "theorem2Rho0": rho0,
            },
            "layers": {
                "perturbationCosine": [((a * b).sum() / (a.norm() * b.norm())).item()
                                       for a, b in zip(ema, sam)],
                "perturbationRatio": [(a.norm() / b.norm()).item() for a, b in zip(ema, sam)],
            },
        })
    return out


def _shares(model, modules: dict, batch: dict) -> dict:
    _gradient(model, modules, batch)
    grads = {key: p.grad.numpy().ravel() for key, p in trainable(model).items()}
    pairs = [numpy.concatenate([m.a.grad.numpy().ravel(), m.b.grad.numpy().ravel()])
             for m in modules.values()]
    every = numpy.concatenate([g for key, g in grads.items() if "lora" in key])

    def share(g: numpy.ndarray, percent: int, power: int) -> float:
        size = numpy.sort(numpy.abs(g))[::-1] ** power
        return float(size[: max(1, len(g) * percent // 100)].sum() / size.sum())

    names = [(f"{kind}Top{p}", p, power)
             for kind, power in (("gradient", 1), ("sharpness", 2)) for p in (1, 5, 10)]
    return {
        "measures": {name: share(every, p, power) for name, p, power in names},
        "layers": {name: [share(g, p, power) for g in pairs] for name, p, power in names},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    write_theory_cases()
    print("written")
