"""GSAM (2203.08065): descend g~ - alpha g_perp, g_perp the part of g orthogonal to g~."""

from problem import dot, moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        inside = pick(g, self.problem.adapter_keys)
        size = norm(inside)
        e = {key: at.rho * v / size for key, v in inside.items()}
        _, there, _ = self.problem.gradient(moved(w, e), batches)
        along = dot(g, there) / norm(there) ** 2
        across = {key: g[key] - along * there[key] for key in g}
        return {key: there[key] - self.options["gsam_alpha"] * across[key] for key in g}, {}
