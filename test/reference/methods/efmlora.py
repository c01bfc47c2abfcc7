"""EFMLoRA (2508.00522, Eq. 18, Algorithm 2): one pass at B + Ehat; E_t from the gradient there."""

from fmlora import perturbation
from problem import moved


class Method:
    def __init__(self, problem, options, draws):
        self.problem, self.options, self.average = problem, options, {}

    def step(self, w, batches, at):
        point = moved(w, self.average)
        _, g, full = self.problem.weight_gradients(point, batches)
        e = perturbation(self.problem, point, full, self.options, at.rho)
        beta = self.options["beta"]
        if self.options["ema_convention"] == "momentum":
            beta = 1 - beta
        if not self.average:
            self.average = e if self.options["ema_init"] == "first" else {
                key: beta * value for key, value in e.items()}
        else:
            self.average = {key: (1 - beta) * self.average[key] + beta * e[key] for key in e}
        return g, {}
