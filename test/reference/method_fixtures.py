"""methods/: five optimizer steps of every method, each by its own file in methods/."""

import importlib
import sys
from pathlib import Path

import torch

from store import FIXTURES, generator, write_json, write_tensors
from tiny_models import TINY_MODELS, make_batch
from tokenizers_tiny import bert_tokenizer

sys.path.insert(0, str(Path(__file__).parent / "methods"))

from problem import At, Problem  # noqa: E402

STEPS = 5
ADAMW = {"name": "adamw", "lr": 5e-3, "weight_decay": 0.01}
SGD = {"name": "sgd", "lr": 5e-2}
LINEAR = {"name": "linear", "warmup_steps": 0}
CONSTANT = {"name": "constant", "warmup_steps": 0}
# What the options are where a run does not say; as in the engine's config.
DEFAULTS = {
    "rho": 0.05, "rho_schedule": "constant", "accum": "whole", "perturb_head": False,
    "ball": "joint", "bar_mu": 0.5, "bar_schedule": "linear", "sigma": 0.05,
    "sigma_schedule": "cosine_rise", "rho_scope": "per_layer", "grad_estimator": "paper_mean",
    "radius_correction": "none", "perturb_target": "B", "perturb_sign": "sam", "beta": 0.99,
    "ema_convention": "paper", "ema_init": "first", "flatpo_granularity": "tensor",
    "flatpo_score": "norm", "flatpo_scope": "global", "flatpo_fraction": 0.05,
    "flatpo_choice": "top", "flatpo_refresh_every": 1, "flatpo_denominator": "all",
    "flatpo_adaptive": False, "flatpo_ema": 0.9, "asam_eta": 0.01, "fsam_sigma": 1,
    "fsam_lambda": 0.9, "gsam_alpha": 0.4, "looksam_k": 10, "looksam_alpha": 0.7,
    "gam_rho_prime": 0.02, "gam_gamma": 0.03, "gam_beta_1": 0.6, "gam_beta_2": 0.5,
    "esam_beta": 0.5, "esam_gamma": 0.5, "bi_lora_r": 8,
}
QUERY_VALUE = "bert-cls/adapter"
# rsLoRA; has weights that are not square.
ALL_LINEAR = "bert-cls-all-linear/adapter"
# (run, method, optimizer, options[, schedule[, accumulation[, adapter]]])
RUNS = [
    ("none-adamw", "none", ADAMW, {}, LINEAR),
    ("sam-adamw", "sam", ADAMW, {}),
    ("sam-separate-sgd", "sam", SGD, {"ball": "separate", "rho": 0.1}),
    ("sam-per-micro", "sam", ADAMW, {"accum": "per_micro"}, CONSTANT, 2),
    ("sam-head", "sam", SGD, {"perturb_head": True}, CONSTANT, 2),
    ("obar-adamw", "obar", ADAMW, {"bar_mu": 2.0}),
    ("nbar-sgd", "nbar", SGD, {"bar_mu": 2.0, "bar_schedule": "cosine"}),
    ("flat-lora-adamw", "flat-lora", ADAMW, {"sigma": 0.15}),
    ("flat-lora-accumulated", "flat-lora", SGD, {"sigma_schedule": "constant"}, CONSTANT, 2,
     ALL_LINEAR),
    ("fmlora-literal", "fmlora", ADAMW, {"perturb_sign": "literal"}),
    ("fmlora-literal-a-joint", "fmlora", SGD, {
        "perturb_sign": "literal", "perturb_target": "A", "grad_estimator": "joint_minnorm",
        "rho": 2.0}, CONSTANT, 1, ALL_LINEAR),
    ("fmlora-a-exact-global", "fmlora", SGD, {"perturb_target": "A", "rho_scope": "global"}),
    ("fmlora-exact", "fmlora", ADAMW, {"radius_correction": "exact"}, CONSTANT, 2),
    ("efmlora-momentum-zero", "efmlora", SGD, {
        "ema_convention": "momentum", "ema_init": "zero", "grad_estimator": "joint_minnorm",
        "beta": 0.3, "rho": 0.3}),
    ("flatpo-tensor", "flatpo", ADAMW, {"flatpo_fraction": 0.3}),
    ("flatpo-module-selected", "flatpo", SGD, {
        "flatpo_granularity": "module", "flatpo_fraction": 0.5, "flatpo_score": "norm_per_size",
        "flatpo_denominator": "selected"}),
    # SGD: under AdamW one entry of the first gradient is 2.5e-8, next to its eps of 1e-8, and no
    # float32 run can tell g/(|g| + eps) there to 1e-4.
    ("flatpo-rank-per-layer", "flatpo", SGD, {
        "flatpo_granularity": "rank", "flatpo_scope": "per_layer", "flatpo_fraction": 0.3,
        "flatpo_score": "norm_per_size", "flatpo_adaptive": True, "rho": 0.5}),
    ("flatpo-coordinate-ema", "flatpo", SGD, {
        "flatpo_granularity": "coordinate", "flatpo_score": "ema_g2", "flatpo_refresh_every": 2}),
    ("flatpo-rank-hutchinson", "flatpo", SGD, {
        "flatpo_granularity": "rank", "flatpo_score": "hutchinson", "flatpo_fraction": 0.3}),
    ("flatpo-random", "flatpo", ADAMW, {"flatpo_choice": "random", "flatpo_fraction": 0.3}),
    ("asam-adamw", "asam", ADAMW, {"rho": 0.5}),
    ("asam-sgd", "asam", SGD, {"rho": 0.5}),
    ("f-sam-adamw", "f-sam", ADAMW, {}),
    ("gsam-adamw", "gsam", ADAMW, {"rho_schedule": "lr_proportional"}, LINEAR),
    ("looksam-adamw", "looksam", ADAMW, {"looksam_k": 2}),
    ("looksam-sgd", "looksam", SGD, {"looksam_k": 3}),
    ("gam-adamw", "gam", ADAMW, {"rho": 0.2}),
    ("gam-sgd", "gam", SGD, {"rho": 0.2}),
    ("esam-adamw", "esam", ADAMW, {}, CONSTANT, 2),
    ("esam-sgd", "esam", SGD, {}),
    ("bi-lora-sgd", "bi-lora", SGD, {"bi_lora_r": 3, "rho": 0.1}, CONSTANT, 1,
     ALL_LINEAR),
    ("bi-lora-adamw", "bi-lora", {**ADAMW, "lr": 3e-2}, {"bi_lora_r": 3, "rho": 0.02}),
    ("flatpo-value-only", "flatpo", SGD, {"flatpo_fraction": 0.5, "flatpo_modules": ["value"]}),
]


class Draws:
    """Random numbers that the engine is given as they are: `<name>.<key>`, first axis the step."""

    def __init__(self, seed: int):
        self.generator, self.kept = generator(seed), {}

    def normal(self, name, shapes):
        return self._keep(name, shapes, lambda shape: torch.randn(
            STEPS, *shape, generator=self.generator))

    def uniform(self, name, shapes):
        return self._keep(name, shapes, lambda shape: torch.rand(
            STEPS, *shape, generator=self.generator))

    def normal_once(self, name, shapes):
        return self._keep(name, shapes, lambda shape: torch.randn(
            *shape, generator=self.generator))

    def _keep(self, name, shapes, draw):
        drawn = {key: draw(shape) for key, shape in shapes.items()}
        self.kept |= {f"{name}.{key}": value for key, value in drawn.items()}
        return {key: value.double() for key, value in drawn.items()}


def write_methods() -> dict[str, float]:
    """Returns how far each run ends from the run of plain training, relative to the weights."""
    vocab_size = bert_tokenizer().get_vocab_size()
    tiny = TINY_MODELS[0]
    batches = [
        make_batch(tiny, vocab_size, [4 + (3 * i + 5 * k) % 9 for i in range(4)], 810 + k,
                   pair_row=k % 4)
        for k in range(2 * STEPS)
    ]
    return {run[0]: _write_run(tiny, batches, 900 + i, *run) for i, run in enumerate(RUNS)}


def _write_run(tiny, batches, seed, name, method, optimizer, options, schedule=CONSTANT,
               accumulation=1, adapter=QUERY_VALUE) -> float:
    directory = FIXTURES / "methods" / name
    rest = (schedule, accumulation, adapter)
    trajectory, draws = _train(tiny, batches, seed, method, optimizer, options, *rest)
    plain, _ = _train(tiny, batches, seed, "none", optimizer, {}, *rest)
    write_json(directory / "settings.json", {
        "method": {"name": method, **{k: v for k, v in DEFAULTS.items() if k in (
            "rho", "rho_schedule")}, **options},
        "optimizer": optimizer, "schedule": schedule, "accumulation": accumulation,
        "adapter": adapter, "steps": STEPS})
    # Computed in float64; float32 is enough to keep for a tolerance of 1e-4.
    write_tensors(directory / "expected.safetensors",
                  {f"param.{key}": value.float() for key, value in trajectory.items()} | draws)
    difference = sum(((trajectory[k][-1] - plain[k][-1]) ** 2).sum() for k in plain).sqrt()
    relative = (difference / sum((plain[k][-1] ** 2).sum() for k in plain).sqrt()).item()
    # Ten times the tolerance of the tests, or they could not tell the method from none.
    assert method == "none" or relative > 1e-3, f"{name} is {relative:.1e} from plain training"
    return relative


def _train(tiny, batches, seed, method, optimizer, options, schedule, accumulation, adapter):
    """Values of every trainable tensor after each step."""
    options = {**DEFAULTS, **options}
    problem, draws = Problem(tiny, FIXTURES, adapter), Draws(seed)
    step_of = importlib.import_module(method.replace("-", "_")).Method(problem, options, draws)
    w = {key: value.clone() for key, value in problem.start.items()}
    update = _optimizer(list(w.values()), optimizer)
    history = {key: [] for key in w}
    for t in range(1, STEPS + 1):
        fraction = (STEPS - (t - 1)) / STEPS if schedule["name"] == "linear" else 1
        lr = optimizer["lr"] * fraction
        rho = options["rho"] * (fraction if options["rho_schedule"] == "lr_proportional" else 1)
        micro = batches[(t - 1) * accumulation : t * accumulation]
        g, factors = step_of.step(w, micro, At(t, STEPS, lr, rho))
        update.param_groups[0]["lr"] = lr
        for key, value in w.items():
            value.mul_(factors.get(key, 1))
            value.grad = g[key].detach()
        update.step()
        for key, value in w.items():
            history[key].append(value.detach().clone())
    return {key: torch.stack(values) for key, values in history.items()}, draws.kept


def _optimizer(tensors, settings):
    if settings["name"] == "sgd":
        return torch.optim.SGD(tensors, lr=settings["lr"])
    return torch.optim.AdamW(tensors, lr=settings["lr"], weight_decay=settings["weight_decay"],
                             foreach=False)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for run, difference in write_methods().items():
        print(f"{run}: {difference:.1e} from plain training")
