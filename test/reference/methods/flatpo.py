"""FlatPO (2606.10488): SAM on the units of largest score, e_p = rho g_p / (|g| + 1e-12), else 0."""

import torch

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options
        self.ema, self.chosen = None, None
        shapes = {key: problem.start[key].shape for key in problem.adapter_keys}
        self.uniform = None
        if options["flatpo_score"] == "hutchinson":
            self.uniform = draws.uniform("uniform", shapes)
        if options["flatpo_choice"] == "random":
            self.uniform = draws.uniform("uniform", {key: () for key in shapes})

    def step(self, w, batches, at):
        _, g_all, _ = self.problem.gradient(w, batches)
        g = pick(g_all, self.problem.adapter_keys)
        squares = {key: v**2 for key, v in g.items()}
        keep = self.options["flatpo_ema"]
        self.ema = squares if self.ema is None else {
            key: keep * self.ema[key] + (1 - keep) * squares[key] for key in g}
        if (at.t - 1) % self.options["flatpo_refresh_every"] == 0:
            self.chosen = self.choose(self.energy(w, batches, squares, at), at)
        inside = {key: g[key] * self.chosen[key] for key in g}
        counted = g_all if self.options["flatpo_denominator"] == "all" else inside
        if self.options["flatpo_adaptive"]:
            counted = {key: w[key].abs() * v for key, v in counted.items()}
            inside = {key: w[key] ** 2 * v for key, v in inside.items()}
        size = norm(counted) + 1e-12
        e = {key: at.rho * v / size for key, v in inside.items()}
        return self.problem.gradient(moved(w, e), batches)[1], {}

    def energy(self, w, batches, squares, at):
        """Per coordinate; a unit's score is the sum, or the mean for norm_per_size."""
        score = self.options["flatpo_score"]
        if score == "ema_g2":
            return self.ema
        if score == "hutchinson":
            z = {key: torch.where(u[at.t - 1] < 0.5, -1.0, 1.0).double()
                 for key, u in self.uniform.items()}
            hz = self.problem.hessian_times(w, batches, z)
            return {key: hz[key].abs() for key in z}
        return squares

    def units(self):
        """(layer, [(key, mask), ...]) of everything that can be chosen."""
        kind = self.options["flatpo_granularity"]
        start = self.problem.start
        names = self.options.get("flatpo_modules")
        pairs = [p for p in self.problem.pairs if not names or p.path.split(".")[-1] in names]
        for pair in pairs:
            layer = pair.path.split(".layer.")[1].split(".")[0]
            r = start[pair.a].shape[0]
            if kind == "module":
                yield layer, {key: torch.ones_like(start[key]) for key in (pair.a, pair.b)}
            if kind == "rank":
                for j in range(r):
                    a, b = torch.zeros_like(start[pair.a]), torch.zeros_like(start[pair.b])
                    a[j, :], b[:, j] = 1, 1
                    yield layer, {pair.a: a, pair.b: b}
            if kind == "tensor":
                for key in (pair.a, pair.b):
                    yield layer, {key: torch.ones_like(start[key])}
            if kind == "coordinate":
                for key in (pair.a, pair.b):
                    for i in range(start[key].numel()):
                        one = torch.zeros_like(start[key])
                        one.view(-1)[i] = 1
                        yield layer, {key: one}

    def choose(self, energy, at):
        scored = []
        for layer, masks in self.units():
            total = sum((energy[key] * mask).sum() for key, mask in masks.items())
            if self.options["flatpo_score"] == "norm_per_size":
                total = total / sum(mask.sum() for mask in masks.values())
            if self.options["flatpo_choice"] == "random":
                total = self.uniform[next(iter(masks))][at.t - 1]
            scored.append((layer, float(total), masks))
        whole = self.options["flatpo_scope"] == "global"
        groups = {}
        for layer, total, masks in scored:
            groups.setdefault("" if whole else layer, []).append((total, masks))
        chosen = {key: torch.zeros_like(self.problem.start[key])
                  for key in self.problem.adapter_keys}
        for members in groups.values():
            k = max(1, int(self.options["flatpo_fraction"] * len(members)))
            for _, masks in sorted(members, key=lambda m: -m[0])[:k]:
                for key, mask in masks.items():
                    chosen[key] = chosen[key] + mask
        return chosen
