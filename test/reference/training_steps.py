"""Five optimizer steps of LoRA, FMLoRA and EFMLoRA on the tiny BERT, naive on purpose."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from peft.tuners.lora import LoraLayer
from transformers import get_constant_schedule, get_linear_schedule_with_warmup

from gradients import load_adapted, trainable
from naive_perturbation import TAU_A, TAU_B, Factors, perturbations, rho_effective
from tiny_models import TinyModel, batch_tensors

STEPS = 5


@dataclass(frozen=True)
class Settings:
    """Names as in the engine's configuration; `adapter` is relative to the fixtures folder."""

    name: str
    method: str  # lora | fmlora | efmlora
    optimizer: str  # adamw | sgd
    lr: float
    adapter: str = "bert-cls/adapter"
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0
    max_grad_norm: float | None = None
    accumulation: int = 1
    lr_schedule: str = "constant"
    warmup_steps: int = 0
    rho: float = 0.05
    rho_schedule: str = "constant"  # constant | inv_sqrt: rho / sqrt(t), t = 1, 2, ...
    rho_scope: str = "per_layer"
    grad_estimator: str = "paper_mean"
    perturb_sign: str = "sam"
    perturb_target: str = "B"
    ema_beta: float = 0.99
    ema_init: str = "first"
    tau_a: float = TAU_A
    tau_b: float = TAU_B
    steps: int = STEPS
    decay_applies_to: str = "every trainable parameter, head and bias included"


@dataclass
class Adapted:
    """One adapted linear. `g` collects the true G = dL/dW_eff = sum dy^T x, from hooks."""

    layer: LoraLayer
    g: torch.Tensor | None = field(default=None)

    def __post_init__(self) -> None:
        self.a = self.layer.lora_A["default"].weight
        self.b = self.layer.lora_B["default"].weight
        self.s = self.layer.scaling["default"]
        self.layer.register_forward_hook(self._record)

    def _record(self, _layer, inputs, output) -> None:
        x = inputs[0].detach()

        def add(dy: torch.Tensor) -> None:
            g = torch.einsum("bln,blm->nm", dy, x).double()
            self.g = g if self.g is None else self.g + g

        output.register_hook(add)

    def factors(self) -> Factors:
        return Factors(self.a.detach().double(), self.b.detach().double(), self.g, self.s)


def run(tiny: TinyModel, fixtures: Path, settings: Settings, batches: list[dict],
        dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Trajectories: index 0 of every tensor is the step (README.md lists the names)."""
    root = fixtures / settings.adapter
    model = load_adapted(tiny, fixtures / tiny.name / "model", root).to(dtype)
    parameters = trainable(model)
    modules = {
        name.removeprefix("base_model.model."): Adapted(layer)
        for name, layer in sorted(model.named_modules()) if isinstance(layer, LoraLayer)
    }
    optimizer, scheduler = _optimizer(list(parameters.values()), settings)
    log: dict[str, list[torch.Tensor]] = {}
    record = lambda key, value: log.setdefault(key, []).append(  # noqa: E731
        torch.as_tensor(value, dtype=dtype).detach().clone())
    used = {name: torch.zeros_like(module.b) for name, module in modules.items()}
    for name, module in modules.items():
        record(f"balancedness.{name}", _balancedness(module))

    for t in range(1, STEPS + 1):
        micro = batches[(t - 1) * settings.accumulation : t * settings.accumulation]
        rho = settings.rho / t**0.5 if settings.rho_schedule == "inv_sqrt" else settings.rho

        def backward() -> torch.Tensor:
            optimizer.zero_grad()
            for module in modules.values():
                module.g = None
            losses = [model(**batch_tensors(batch)).loss / len(micro) for batch in micro]
            sum(losses).backward()
            return sum(losses).detach()

        def estimate() -> dict[str, torch.Tensor]:
            factors = [module.factors() for module in modules.values()]
            es = perturbations(factors, rho, settings.grad_estimator, scope=settings.rho_scope)
            for name, f, e in zip(modules, factors, es):
                record(f"E_B.{name}", e)
                record(f"rho_eff.{name}", rho_effective(f, e))
            return dict(zip(modules, es))

        if settings.method == "fmlora":
            record("loss_clean", backward())
            used = estimate()
        backup = {name: module.b.detach().clone() for name, module in modules.items()}
        with torch.no_grad():
            for name, module in modules.items():
                module.b += used[name].to(dtype)
        record("loss", backward())
        for module in modules.values():
            _check_gradients(module)
        if settings.method == "efmlora":
            fresh = estimate()
        with torch.no_grad():
            for name, module in modules.items():
                module.b.copy_(backup[name])

        if settings.method != "lora":
            record("rho", rho)
            for name, module in modules.items():
                for key, value in theorem_1(module, used[name].double(), rho).items():
                    record(f"{key}.{name}", value)
        raw = torch.stack([p.grad.norm() for p in parameters.values()]).norm()
        record("grad_norm", raw)
        if settings.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), settings.max_grad_norm)
        record("lr", optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

        if settings.method == "efmlora":
            beta = settings.ema_beta
            used = fresh if t == 1 else {
                name: (1 - beta) * used[name] + beta * fresh[name] for name in modules}
            for name in modules:
                record(f"Ehat.{name}", used[name])
        for key, parameter in parameters.items():
            record(f"param.{key}", parameter)
        for name, module in modules.items():
            record(f"balancedness.{name}", _balancedness(module))
    return {key: torch.stack(values) for key, values in log.items()}


def theorem_1(module: Adapted, e: torch.Tensor, rho: float) -> dict[str, torch.Tensor]:
    """<E_used, gB~> and the three bounds, at (A_t, B~) with the gradient actually used."""
    a, g_b = module.a.detach().double(), module.b.grad.double()
    at_use = module.s * (e @ a).norm()
    root = torch.linalg.cholesky(a @ a.T)
    whitened = torch.linalg.solve_triangular(root, g_b.T, upper=False)
    return {
        "inner": (e * g_b).sum(),
        "radius_at_use": at_use,
        "grad_B_norm": g_b.norm(),
        "grad_A_norm": module.a.grad.double().norm(),
        "bound_paper": rho / (module.s * a.norm()) * g_b.norm(),
        "bound_sigma_min": rho / (module.s * torch.linalg.svdvals(a)[-1]) * g_b.norm(),
        "bound_tight": at_use / module.s * whitened.norm(),
    }


def settings_json(settings: Settings) -> dict:
    return asdict(settings)


def _balancedness(module: Adapted) -> torch.Tensor:
    return (module.b.double().norm() ** 2 - module.a.double().norm() ** 2) / 2


def _check_gradients(module: Adapted) -> None:
    """Autograd's gA, gB are s B^T G, s G A^T at the perturbed point, so C has two equal forms."""
    f = module.factors()
    g_a, g_b = module.a.grad.double(), module.b.grad.double()
    limit = 1e-12 if module.a.dtype == torch.float64 else 1e-4
    scale = f.s * f.g.norm() * max(f.a.norm(), f.b.norm())
    assert (g_b - f.s * f.g @ f.a.T).norm() < limit * scale
    assert (g_a - f.s * f.b.T @ f.g).norm() < limit * scale
    assert (g_a @ f.a.T - f.b.T @ g_b).norm() < limit * scale * max(f.a.norm(), f.b.norm())


def _optimizer(parameters: list[torch.nn.Parameter], settings: Settings):
    if settings.optimizer == "adamw":
        optimizer = torch.optim.AdamW(parameters, lr=settings.lr, betas=settings.betas,
                                      eps=settings.eps, weight_decay=settings.weight_decay,
                                      foreach=False)
    else:
        assert settings.weight_decay == 0, "torch.optim.SGD couples its decay"
        optimizer = torch.optim.SGD(parameters, lr=settings.lr, momentum=settings.momentum)
    if settings.lr_schedule == "linear":
        return optimizer, get_linear_schedule_with_warmup(
            optimizer, settings.warmup_steps, settings.steps)
    return optimizer, get_constant_schedule(optimizer)
