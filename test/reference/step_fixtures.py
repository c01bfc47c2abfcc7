"""steps/: the runs, their settings and their batches, with the identities of Theorem 1 checked."""

import torch

from store import FIXTURES, write_json, write_tensors
from tiny_models import TINY_MODELS, make_batch, write_adapter
from tokenizers_tiny import bert_tokenizer
from training_steps import STEPS, Settings, run, settings_json

BERT_CLS = TINY_MODELS[0]
ADAMW = {"optimizer": "adamw", "lr": 5e-3, "weight_decay": 0.01}
SGD = {"optimizer": "sgd", "lr": 1e-2}
RUNS = [
    Settings("lora-adamw", "lora", **ADAMW),
    Settings("lora-sgd", "lora", **SGD, momentum=0.9),
    Settings("fmlora-adamw", "fmlora", **ADAMW),
    Settings("fmlora-sgd", "fmlora", **SGD),
    Settings("efmlora-adamw", "efmlora", **ADAMW),
    Settings("efmlora-sgd", "efmlora", **SGD),
    Settings("efmlora-adamw-from-zero", "efmlora", **ADAMW, adapter="steps/from-zero-adapter"),
    Settings("efmlora-adamw-global", "efmlora", **ADAMW, rho_scope="global",
             rho_schedule="inv_sqrt", ema_beta=0.9, grad_estimator="A_only"),
    Settings("lora-adamw-clip-accum", "lora", optimizer="adamw", lr=5e-3, weight_decay=0.1,
             max_grad_norm=0.5, accumulation=2, lr_schedule="linear", warmup_steps=2),
]


def write_steps() -> dict[str, dict[str, float]]:
    root = FIXTURES / "steps"
    write_adapter(BERT_CLS, FIXTURES / BERT_CLS.name / "model", root / "from-zero-adapter", 800,
                  zero_b=True)
    vocab_size = bert_tokenizer().get_vocab_size()
    # Equal numbers of rows, so that a mean of means over micro-batches is the mean over rows.
    batches = [
        make_batch(BERT_CLS, vocab_size, [4 + (3 * i + 5 * k) % 9 for i in range(4)], 810 + k,
                   pair_row=k % 4)
        for k in range(2 * STEPS)
    ]
    write_json(root / "batches.json", batches)
    return {settings.name: _write_run(settings, batches) for settings in RUNS}


def _write_run(settings: Settings, batches: list[dict]) -> dict[str, float]:
    directory = FIXTURES / "steps" / settings.name
    double = run(BERT_CLS, FIXTURES, settings, batches, torch.float64)
    single = run(BERT_CLS, FIXTURES, settings, batches, torch.float32)
    write_json(directory / "settings.json", settings_json(settings))
    write_tensors(directory / "float64.safetensors", double)
    write_tensors(directory / "float32.safetensors", single)
    measured = {"float32_parameter_error": _parameter_error(single, double)}
    if settings.optimizer == "sgd" and settings.method != "lora":
        measured["sgd_identity_residual"] = _sgd_identity(double, settings.lr)
    if settings.method != "lora":
        measured |= _bound_violations(double)
    return measured


def _parameter_error(single: dict, double: dict) -> float:
    """Largest error of a parameter after the last step, relative to its tensor's largest entry."""
    names = [name for name in double if name.startswith("param.")]
    return max(((single[n].double() - double[n]).abs().max() / double[n].abs().max()).item()
               for n in names)


def _sgd_identity(log: dict, lr: float) -> float:
    """(b' - b)/lr = <E, gB~> + lr/2 (|gB~|^2 - |gA~|^2), exact for SGD without momentum."""
    residuals = []
    for name in _modules(log):
        rate = log[f"balancedness.{name}"].diff() / lr
        squares = log[f"grad_B_norm.{name}"] ** 2 - log[f"grad_A_norm.{name}"] ** 2
        residuals.append((rate - log[f"inner.{name}"] - lr / 2 * squares).abs().max().item())
    assert max(residuals) < 1e-9, f"SGD identity off by {max(residuals):.1e}"
    return max(residuals)


def _bound_violations(log: dict) -> dict[str, int]:
    """The tight bound always holds. The others are only counted."""
    def violations(bound: str) -> int:
        slack = 1 + 1e-12
        return sum(int((log[f"inner.{m}"].abs() > slack * log[f"{bound}.{m}"]).sum())
                   for m in _modules(log))

    assert violations("bound_tight") == 0
    return {f"{b}_violations": violations(b) for b in ("bound_paper", "bound_sigma_min")}


def _modules(log: dict) -> list[str]:
    return [key.removeprefix("inner.") for key in log if key.startswith("inner.")]
