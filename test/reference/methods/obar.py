"""oBAR (2410.14802): if |x| >= |y| then x <- (1 - a lr) x, y <- (1 + a lr) y, else reversed."""

import math


def alpha(options, at):
    """Falls from mu at the first step."""
    done = (at.t - 1) / at.total
    shape = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2, "constant": 1}
    return options["bar_mu"] * shape[options["bar_schedule"]]


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        change = alpha(self.options, at) * at.lr
        factors = {}
        for pair in self.problem.pairs:
            x_larger = w[pair.b].norm() >= w[pair.a].norm()
            factors[pair.b] = 1 - change if x_larger else 1 + change
            factors[pair.a] = 1 + change if x_larger else 1 - change
        return g, factors
