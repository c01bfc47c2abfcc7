"""LoRA-SAM (2410.14802): e = rho g / |g|, one norm over all A and B, or one for each (Eq. 7)."""

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options

    def step(self, w, batches, at):
        if self.options["accum"] == "per_micro":
            parts = [self.one(w, [batch], at) for batch in batches]
            rows = [len(batch["labels"]) for batch in batches]
            return {key: sum(n * part[key] for n, part in zip(rows, parts)) / sum(rows)
                    for key in w}, {}
        return self.one(w, batches, at), {}

    def one(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        keys = list(w) if self.options["perturb_head"] else self.problem.adapter_keys
        g = pick(g, keys)
        joint = norm(g)
        size = {key: g[key].norm() if self.options["ball"] == "separate" else joint for key in g}
        e = {key: at.rho * g[key] / size[key] for key in g}
        return self.problem.gradient(moved(w, e), batches)[1]
