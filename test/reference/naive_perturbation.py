"""The perturbation of FMLoRA (Eqs. 9-15) written out on [n, m] matrices, in float64.

The point of this file is to be slow and obvious: pseudo-inverses and projectors, the true G, no
Gram matrices and no use of gA or gB. The sign of Eq. 9 is dropped (g/||g||, as in Eqs. 3 and 16).
"""

from dataclasses import dataclass

import torch

ESTIMATORS = ("paper_mean", "A_only", "joint_minnorm")
TAU_A = 1e-6
TAU_B = 1e-4


@dataclass(frozen=True)
class Factors:
    """One adapted weight W = W0 + s B A, with G = dL/dW at the point of interest."""

    a: torch.Tensor  # [r, m]
    b: torch.Tensor  # [n, r]
    g: torch.Tensor  # [n, m]
    s: float


def pinv(matrix: torch.Tensor, tolerance: float) -> torch.Tensor:
    """Singular values below tolerance * largest are dropped; the pseudo-inverse of 0 is 0."""
    return torch.linalg.pinv(matrix, rtol=tolerance)


def projectors(f: Factors) -> tuple[torch.Tensor, torch.Tensor]:
    """P_A [m, m] on the row space of A, P_B [n, n] on the column space of B."""
    return pinv(f.a, TAU_A) @ f.a, f.b @ pinv(f.b, TAU_B)


def gradient_estimate(f: Factors, estimator: str) -> torch.Tensor:
    """G-bar [n, m]: Eq. 12 for paper_mean, Eq. 10 for A_only."""
    p_a, p_b = projectors(f)
    if estimator == "paper_mean":
        return (f.g @ p_a + p_b @ f.g) / 2
    if estimator == "A_only":
        return f.g @ p_a
    if estimator == "joint_minnorm":
        return f.g @ p_a + p_b @ f.g - p_b @ f.g @ p_a
    raise ValueError(estimator)


def perturbations(modules: list[Factors], rho: float, estimator: str, *,
                  scope: str = "per_layer", target: str = "B") -> list[torch.Tensor]:
    """E_B [n, r] (Eq. 15) of every module, or E_A [r, m] for target A.

    `global` divides by one norm over all modules. A vanishing G-bar gives E = 0.
    """
    means = [gradient_estimate(f, estimator) for f in modules]
    total = torch.stack([mean.norm() for mean in means]).norm()
    out = []
    for f, mean in zip(modules, means):
        norm = total if scope == "global" else mean.norm()
        e_w = rho * mean / norm if norm > 0 else torch.zeros_like(mean)
        out.append(e_w @ pinv(f.a, TAU_A) / f.s if target == "B" else pinv(f.b, TAU_B) @ e_w / f.s)
    return out


def tangent_norm(f: Factors) -> torch.Tensor:
    """||G P_A + P_B G - P_B G P_A||."""
    return gradient_estimate(f, "joint_minnorm").norm()


def rho_effective(f: Factors, e: torch.Tensor, target: str = "B") -> torch.Tensor:
    """Norm of the realised change of W: ||s E_B A|| or ||s B E_A||."""
    return f.s * (e @ f.a if target == "B" else f.b @ e).norm()
