"""Bi-LoRA (2508.19564): W0 + sB1A1 + B2A2, one backward; pair 1 descends, pair 2 ascends with the
same lr; if c = sqrt(sum |B2 A2|^2) > rho, every B2 and A2 is multiplied by sqrt(rho / c)."""

import torch


class Method:
    def __init__(self, problem, options, draws):
        self.problem = problem
        r = options["bi_lora_r"]
        normal = draws.normal_once("second", {p.a: (r, p.w0.shape[1]) for p in problem.pairs})
        for pair in problem.pairs:
            a2 = 0.3 * normal[pair.a]
            pair.second = (a2, torch.zeros(pair.w0.shape[0], r, dtype=a2.dtype))

    def step(self, w, batches, at):
        pairs = self.problem.pairs
        leaves = [t.requires_grad_() for pair in pairs for t in pair.second]
        _, g, up = self.problem.gradient(w, batches, leaves)
        with torch.no_grad():
            raised = [t + at.lr * u for t, u in zip(leaves, up)]
            products = [b2 @ a2 for a2, b2 in zip(raised[::2], raised[1::2])]
            c = sum((p**2).sum() for p in products).sqrt()
            if c > at.rho:
                raised = [(at.rho / c).sqrt() * t for t in raised]
        for pair, a2, b2 in zip(pairs, raised[::2], raised[1::2]):
            pair.second = (a2, b2)
        return g, {}
