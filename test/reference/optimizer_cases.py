"""optim.json: toy trajectories of torch's optimizers, clipping, and transformers' schedules."""

import torch
from transformers import (
    get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from store import FIXTURES, generator, write_json

ADAMW = [
    {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0},
    {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1},
    {"lr": 3e-3, "betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.01},
]
SGD = [
    {"lr": 1e-1, "momentum": 0.0, "nesterov": False},
    {"lr": 1e-1, "momentum": 0.9, "nesterov": False},
    {"lr": 1e-1, "momentum": 0.9, "nesterov": True},
]
SCHEDULES = [("linear", 0, 10), ("linear", 3, 10), ("cosine", 0, 10), ("cosine", 4, 12),
             ("constant", 0, 6), ("constant", 3, 6), ("linear", 5, 5)]
LR = 2e-3


def write_optimizer_cases() -> None:
    draw = generator(700)
    start = torch.randn(3, 4, generator=draw, dtype=torch.float64)
    gradients = [torch.randn(3, 4, generator=draw, dtype=torch.float64) for _ in range(8)]
    # A vanishing gradient, and one far larger than the rest, are where the eps and moments show.
    gradients[3] = torch.zeros_like(start)
    gradients[5] = 1e4 * gradients[5]
    write_json(FIXTURES / "optim.json", {
        "start": start.tolist(),
        "gradients": [g.tolist() for g in gradients],
        "adamw": [{"settings": s, "trajectory": _trajectory(
            lambda p, s=s: torch.optim.AdamW([p], foreach=False, **s), start, gradients)}
            for s in ADAMW],
        "sgd": [{"settings": s, "trajectory": _trajectory(
            lambda p, s=s: torch.optim.SGD([p], foreach=False, **s), start, gradients)}
            for s in SGD],
        "schedules": [_schedule(*s) for s in SCHEDULES],
        "clip": [_clip(gradients[:2], limit) for limit in (0.5, 1.0, 100.0)],
    })


def _trajectory(make, start: torch.Tensor, gradients: list[torch.Tensor]) -> list:
    parameter = torch.nn.Parameter(start.clone())
    optimizer = make(parameter)
    out = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        out.append(parameter.detach().tolist())
    return out


def _schedule(kind: str, warmup: int, total: int) -> dict:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = {
        "linear": lambda: get_linear_schedule_with_warmup(optimizer, warmup, total),
        "cosine": lambda: get_cosine_schedule_with_warmup(optimizer, warmup, total),
        "constant": lambda: get_constant_schedule_with_warmup(optimizer, warmup),
    }[kind]()
    values = []
    for _ in range(total):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"kind": kind, "lr": LR, "warmup_steps": warmup, "total_steps": total, "values": values}


def _clip(gradients: list[torch.Tensor], limit: float) -> dict:
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=False)
    return {"max_grad_norm": limit, "norm": norm.item(),
            "clipped": [p.grad.tolist() for p in parameters]}
