"""nBAR (2410.14802): if |g_x| >= |g_y| then x <- (1 + a lr) x, y <- (1 - a lr) y, else reversed."""

from obar import alpha


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        change = alpha(self.options, at) * at.lr
        factors = {}
        for pair in self.problem.pairs:
            x_larger = g[pair.b].norm() >= g[pair.a].norm()
            factors[pair.b] = 1 + change if x_larger else 1 - change
            factors[pair.a] = 1 - change if x_larger else 1 + change
        return g, factors
