"""ASAM (2102.11600): e = rho T^2 g / |T g|, T = |w| + eta on weights."""

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        g = pick(g, self.problem.adapter_keys)
        t = {key: w[key].abs() + self.options["asam_eta"] for key in g}
        size = norm({key: t[key] * g[key] for key in g})
        e = {key: at.rho * t[key] ** 2 * g[key] / size for key in g}
        return self.problem.gradient(moved(w, e), batches)[1], {}
