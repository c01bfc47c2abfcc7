"""FMLoRA (2508.00522, Eqs. 9-15) on [n, m] matrices, the printed sign of Eqs. 9 and 13 included."""

import torch

from naive_perturbation import TAU_A, TAU_B, Factors, gradient_estimate, pinv
from problem import moved


def perturbation(problem, w, full, options, rho):
    """E_B (or E_A) by key, from G at the weights w."""
    estimates = [
        gradient_estimate(Factors(w[p.a], w[p.b], g, p.s), options["grad_estimator"])
        for p, g in zip(problem.pairs, full)
    ]
    total = torch.stack([m.norm() for m in estimates]).norm()
    e = {}
    for pair, mean in zip(problem.pairs, estimates):
        size = total if options["rho_scope"] == "global" else mean.norm()
        direction = mean.abs() if options["perturb_sign"] == "literal" else mean
        e_w = rho * direction / size
        if options["perturb_target"] == "B":
            e[pair.b] = e_w @ pinv(w[pair.a], TAU_A) / pair.s
            reached = pair.s * (e[pair.b] @ w[pair.a]).norm()
            key = pair.b
        else:
            e[pair.a] = pinv(w[pair.b], TAU_B) @ e_w / pair.s
            reached = pair.s * (w[pair.b] @ e[pair.a]).norm()
            key = pair.a
        if options["radius_correction"] == "exact":
            e[key] = e[key] * rho / reached
    return e


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        _, _, full = self.problem.weight_gradients(w, batches)
        e = perturbation(self.problem, w, full, self.options, at.rho)
        return self.problem.gradient(moved(w, e), batches)[1], {}
