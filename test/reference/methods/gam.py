"""GAM (2303.03108), accelerated: four gradients; descend h - gamma (p orthogonal to h)."""

from problem import dot, moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        options = self.options
        small = options["gam_rho_prime"] * at.rho / options["rho"]

        def gradient(point):
            return self.problem.gradient(point, batches)[1]

        def ascend(point, direction, radius):
            d = pick(direction, self.problem.adapter_keys)
            size = norm(d)
            return moved(point, {key: radius * v / size for key, v in d.items()})

        g0 = gradient(w)
        g1 = gradient(ascend(w, g0, small))
        there = ascend(w, {key: g1[key] - g0[key] for key in w}, at.rho)
        g2 = gradient(there)
        g3 = gradient(ascend(there, g2, small))
        b1, b2 = options["gam_beta_1"], options["gam_beta_2"]
        h = {key: b1 * g1[key] + (1 - b1) * g3[key] for key in w}
        p = {key: g0[key] + b2 * g2[key] for key in w}
        along = dot(p, h) / norm(h) ** 2
        return {key: h[key] - options["gam_gamma"] * (p[key] - along * h[key]) for key in w}, {}
