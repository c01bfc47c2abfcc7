"""F-SAM (2403.12350): d = g - sigma m (old m), m <- lambda m + (1 - lambda) g; first d = m = g."""

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options, self.m = problem, options, None

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        g = pick(g, self.problem.adapter_keys)
        sigma, keep = self.options["fsam_sigma"], self.options["fsam_lambda"]
        if self.m is None:
            d = self.m = g
        else:
            d = {key: g[key] - sigma * self.m[key] for key in g}
            self.m = {key: keep * self.m[key] + (1 - keep) * g[key] for key in g}
        size = norm(d)
        e = {key: at.rho * d[key] / size for key in d}
        return self.problem.gradient(moved(w, e), batches)[1], {}
