"""ESAM (2110.03141): tensors perturbed with probability beta, by rho g / |g| / beta over those; the
second gradient on the fraction gamma of the examples whose loss rises most."""

from problem import moved, norm, pick


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options = problem, options
        self.uniform = draws.uniform("uniform", {key: () for key in problem.adapter_keys})

    def step(self, w, batches, at):
        _, g, _ = self.problem.gradient(w, batches)
        beta = self.options["esam_beta"]
        g = pick(g, [key for key in self.problem.adapter_keys
                     if self.uniform[key][at.t - 1] < beta])
        size = norm(g) if g else 1
        point = moved(w, {key: at.rho * v / size / beta for key, v in g.items()})
        rise = self.problem.losses_at(point, batches) - self.problem.losses_at(w, batches)
        count = max(1, int(self.options["esam_gamma"] * len(rise)))
        rows = rise.argsort(descending=True)[:count].tolist()
        return self.problem.gradient(point, _rows(batches, sorted(rows)))[1], {}


def _rows(batches, rows):
    """The chosen examples, each as a batch of its own: padding must not matter."""
    examples = [{key: [batch[key][i]] for key in batch}
                for batch in batches for i in range(len(batch["labels"]))]
    return [examples[i] for i in rows]
