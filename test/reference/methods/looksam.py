"""LookSAM (2203.02714), per tensor: every k steps g_s = g~ and g_v = g_s - proj_g(g_s); else
g + alpha |g| / |g_v| g_v."""

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options, self.g_v = problem, options, None

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        if (at.t - 1) % self.options["looksam_k"] == 0:
            inside = pick(g, self.problem.adapter_keys)
            size = norm(inside)
            e = {key: at.rho * v / size for key, v in inside.items()}
            _, g_s, _ = self.problem.gradient(moved(w, e), batches)
            self.g_v = {key: g_s[key] - (g_s[key] * g[key]).sum() / g[key].norm() ** 2 * g[key]
                        for key in g}
            return g_s, {}
        scale = {key: self.options["looksam_alpha"] * g[key].norm() / self.g_v[key].norm()
                 for key in g}
        return {key: g[key] + scale[key] * self.g_v[key] for key in g}, {}
