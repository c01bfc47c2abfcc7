"""Flat-LoRA (2409.14396): gradient at W' + eps, eps_ij ~ N(0, sigma^2/m |W'_i|^2), W' = W0 + sBA."""

import math

import torch


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options
        self.normal = draws.normal("z", {p.path: p.w0.shape for p in problem.pairs})

    def step(self, w, batches, at):
        sigma = self.options["sigma"]
        if self.options["sigma_schedule"] == "cosine_rise":
            sigma *= (1 - math.cos(math.pi * at.t / at.total)) / 2
        for pair in self.problem.pairs:
            whole = pair.w0 + pair.s * w[pair.b] @ w[pair.a]
            deviation = sigma * torch.linalg.vector_norm(whole, dim=1) / whole.shape[1] ** 0.5
            pair.noise = deviation[:, None] * self.normal[pair.path][at.t - 1]
        _, g, _ = self.problem.gradient(w, batches)
        for pair in self.problem.pairs:
            pair.noise = None
        return g, {}
