"""perturbation.json: random factors, the naive perturbation, and a check by r x r formulas."""

import math

import torch

from naive_perturbation import (
    ESTIMATORS, TAU_A, TAU_B, Factors, gradient_estimate, perturbations, pinv, rho_effective,
    tangent_norm,
)
from store import FIXTURES, generator, write_json

# name, n, m, r, s, condition number of A, of B (0: B = 0, inf: rank-deficient B)
CASES = [
    ("square", 8, 8, 4, 2.0, None, None),
    ("wide", 5, 12, 3, 0.5, None, None),
    ("tall", 12, 6, 2, 4.0, None, None),
    ("rank-one", 7, 9, 1, 8.0, None, None),
    ("rank-equals-n", 4, 10, 4, 2 / math.sqrt(2), None, None),
    ("b-zero", 8, 10, 4, 2.0, None, 0),
    ("b-rank-deficient", 10, 8, 4, 2.0, None, math.inf),
    ("b-below-tau", 10, 8, 4, 2.0, None, 1e9),
    ("b-ill-conditioned", 9, 7, 3, 2.0, None, 3e2),
    ("a-ill-conditioned", 9, 11, 3, 1.0, 1e3, None),
    ("both-ill-conditioned", 12, 12, 4, 2.0, 3e2, 1e3),
]
RHO = 0.05


def write_perturbation_cases() -> dict[str, float]:
    """Returns, per case, the largest relative error of the fast r x r formulas."""
    cases, errors = [], {}
    for index, (name, n, m, r, s, kappa_a, kappa_b) in enumerate(CASES):
        f = _factors(500 + index, n, m, r, s, kappa_a, kappa_b)
        case, errors[name] = _case(name, f)
        cases.append(case)
        # A Gram squares the condition number; well-conditioned cases must agree to rounding.
        limit = 1e-12 if max(kappa_a or 1, 1 if kappa_b in (None, 0, math.inf) else kappa_b) <= 30 \
            else 1e-9
        assert errors[name] < limit, f"{name}: fast formulas off by {errors[name]:.1e}"
    modules = [_factors(600, 8, 6, 2, 2.0, None, None), _factors(601, 5, 9, 3, 0.5, None, None),
               _factors(602, 10, 4, 4, 4.0, None, 0)]
    global_case, errors["global"] = _global_case(modules)
    assert errors["global"] < 1e-12
    write_json(FIXTURES / "perturbation.json", {
        "rho": RHO, "tau_a": TAU_A, "tau_b": TAU_B, "cases": cases, "global": global_case,
    })
    return errors


def _factors(seed, n, m, r, s, kappa_a, kappa_b) -> Factors:
    draw = generator(seed)
    a = _with_condition(torch.randn(r, m, generator=draw, dtype=torch.float64), kappa_a)
    b = _with_condition(torch.randn(n, r, generator=draw, dtype=torch.float64), kappa_b)
    g = torch.randn(n, m, generator=draw, dtype=torch.float64)
    return Factors(a=a, b=b, g=g, s=s)


def _with_condition(matrix: torch.Tensor, kappa: float | None) -> torch.Tensor:
    if kappa is None:
        return matrix
    if kappa == 0:
        return torch.zeros_like(matrix)
    if math.isinf(kappa):
        # Two equal columns: exactly rank-deficient in floating point as well.
        matrix[:, -1] = matrix[:, 0]
        return matrix
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.logspace(0, -math.log10(kappa), u.shape[1], dtype=torch.float64)
    return u @ torch.diag(values) @ vh


def _case(name: str, f: Factors) -> tuple[dict, float]:
    g_b, g_a = f.s * f.g @ f.a.T, f.s * f.b.T @ f.g
    _check_equations_10_to_12(f, g_a, g_b)
    expected, error = {}, 0.0
    for estimator in ESTIMATORS:
        (e,) = perturbations([f], RHO, estimator)
        expected[estimator] = _summary(f, estimator, e, "B", (g_b * e).sum())
        fast = fast_perturbation(f, g_a, g_b, estimator)
        error = max(error, ((fast - e).norm() / e.norm()).item())
    (e_a,) = perturbations([f], RHO, "paper_mean", target="A")
    expected["paper_mean_target_A"] = _summary(f, "paper_mean", e_a, "A", (g_a * e_a).sum())
    return {
        "name": name, "s": f.s, "A": f.a.tolist(), "B": f.b.tolist(), "G": f.g.tolist(),
        "gA": g_a.tolist(), "gB": g_b.tolist(),
        "kappa_A": _kappa(f.a), "kappa_B": _kappa(f.b),
        "tangent_norm": tangent_norm(f).item(),
        "singular_values": torch.linalg.svdvals(f.s * f.b @ f.a)[: f.a.shape[0]].tolist(),
        "balancedness": (0.5 * (f.b.norm() ** 2 - f.a.norm() ** 2)).item(),
        "expected": expected,
    }, error


def _summary(f: Factors, estimator: str, e: torch.Tensor, target: str, gain: torch.Tensor) -> dict:
    return {
        f"E_{target}": e.tolist(),
        "gbar_norm": gradient_estimate(f, estimator).norm().item(),
        "rho_eff": rho_effective(f, e, target).item(),
        "gain": gain.item(),
    }


def _kappa(matrix: torch.Tensor) -> float | None:
    """None where the smallest singular value is zero to rounding."""
    values = torch.linalg.svdvals(matrix)
    return (values[0] / values[-1]).item() if values[-1] > 1e-14 * values[0] else None


def _check_equations_10_to_12(f: Factors, g_a: torch.Tensor, g_b: torch.Tensor) -> None:
    """Eq. 10 on gB and Eq. 11 on gA, literally, against the projected true gradient."""
    from_b = g_b @ pinv(f.a.T, TAU_A) / f.s
    from_a = pinv(f.b.T, TAU_B) @ g_a / f.s
    difference = (from_b + from_a) / 2 - gradient_estimate(f, "paper_mean")
    assert difference.norm() < 1e-10 * f.g.norm()
    c = g_a @ f.a.T - f.b.T @ g_b
    assert c.norm() <= 1e-13 * (g_b.norm() * max(f.b.norm(), 1)), "C identity"


def fast_perturbation(f: Factors, g_a, g_b, estimator: str, norm=None) -> torch.Tensor:
    """The r x r formulas, here only to check the naive result: Q and E_B."""
    k_a_inv = torch.linalg.inv(f.a @ f.a.T)
    q, k_b_pinv, c_matrix = fast_q(f, g_a, g_b, estimator)
    q = q if norm is None else norm
    top = g_b + f.b @ k_b_pinv @ c_matrix if estimator == "paper_mean" else g_b
    return RHO / f.s * top @ k_a_inv / q


def fast_q(f: Factors, g_a, g_b, estimator: str):
    k_a_inv = torch.linalg.inv(f.a @ f.a.T)
    k_b_pinv = torch.linalg.pinv(f.b.T @ f.b, rtol=TAU_B**2, hermitian=True)
    c_matrix = f.b.T @ g_b
    a = torch.trace(k_a_inv @ g_b.T @ g_b)
    b = torch.trace(k_b_pinv @ g_a @ g_a.T)
    c = torch.trace(k_a_inv @ c_matrix.T @ k_b_pinv @ c_matrix)
    q2 = {"paper_mean": a + b + 2 * c, "A_only": a, "joint_minnorm": a + b - c}[estimator]
    return q2.sqrt(), k_b_pinv, c_matrix


def _global_case(modules: list[Factors]) -> tuple[dict, float]:
    grads = [(f.s * f.b.T @ f.g, f.s * f.g @ f.a.T) for f in modules]
    expected, error = {}, 0.0
    for estimator in ESTIMATORS:
        es = perturbations(modules, RHO, estimator, scope="global")
        norms = [gradient_estimate(f, estimator).norm() for f in modules]
        expected[estimator] = {
            "gbar_norm": torch.stack(norms).norm().item(),
            "modules": [{"E_B": e.tolist(), "rho_eff": rho_effective(f, e).item()}
                        for f, e in zip(modules, es)],
        }
        qs = [fast_q(f, g_a, g_b, estimator)[0] for f, (g_a, g_b) in zip(modules, grads)]
        total = torch.stack([q / f.s for q, f in zip(qs, modules)]).norm()
        for f, (g_a, g_b), e in zip(modules, grads, es):
            fast = fast_perturbation(f, g_a, g_b, estimator, norm=f.s * total)
            error = max(error, ((fast - e).norm() / e.norm()).item())
    listed = [{"s": f.s, "A": f.a.tolist(), "B": f.b.tolist(), "gA": g_a.tolist(),
               "gB": g_b.tolist()} for f, (g_a, g_b) in zip(modules, grads)]
    return {"modules": listed, "expected": expected}, error
