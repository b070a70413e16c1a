"""Distances of a program's steps from PyTorch's float64, beside those of PyTorch's own float32."""

import math
import statistics

# Relative. STRICT holds in every step. A ReLU (or the hinge) whose argument is 0 to within rounding may decide
# otherwise, in any float32 program, and changes the gradient by up to some percent: so what follows from the
# gradient has to be within USUAL in half of the steps, and within RARE in the others.
STRICT = {"loss": 1e-5, "task_loss": 1e-5, "lipschitz_loss": 1e-4, "running": 1e-5}
USUAL = {"gradient_norm": 1e-4, "weights": 1e-4, "optimizer.first": 1e-4, "optimizer.second": 2e-4}
RARE = 0.1
TIMES = 3               # or within so many times PyTorch's float32
ROUNDING = 2.0**-23


def root_mean_square(numbers):
    return math.sqrt(statistics.fmean(n * n for n in numbers))


class Comparison:
    """`bound`: instead of those above, for loss and weights; 0: none."""

    def __init__(self, bound=None):
        self.bound, self.distances, self.beyond, self.failures = bound, {}, {}, []

    def add(self, step, what, ours, other, slack=0.0, words=""):
        self.distances.setdefault(what, []).append((ours, other))
        words = f"step {step}: {what} is off by {ours:.3g}, PyTorch's float32 by {other:.3g}{words}"
        if self.bound is not None:
            if self.bound and what in ("loss", "weights") and not ours <= self.bound:
                self.failures.append(words)
        elif not ours <= max(STRICT.get(what, RARE), TIMES * other) + slack:
            self.failures.append(words)
        elif what in USUAL and not ours <= max(USUAL[what], TIMES * other) + slack:
            self.beyond.setdefault(what, []).append(words)

    def terms(self, step, told, exact, single):
        for what in ("loss", "task_loss", "lipschitz_loss", "gradient_norm"):
            if (told[what] is None) != (exact[what] is None):
                self.failures.append(f"step {step}: {what} is {told[what]} in the trace, {exact[what]} here")
            elif exact[what] is not None:
                size = max(abs(exact[what]), 1e-12)
                self.add(step, what, abs(told[what] - exact[what]) / size, abs(single[what] - exact[what]) / size,
                         words=f": {told[what]!r} in the trace, {exact[what]!r} here")

    def arrays(self, step, before, told, exact, single):
        """With `before`, weights are compared by what the step added to them, but for the rounding of the sum."""
        if told.keys() != exact.keys():
            self.failures.append(f"step {step}: the trace has {sorted(told)}, here are {sorted(exact)}")
            return
        for what, numbers in exact.items():
            is_update = what == "weights" and before is not None
            size = max(float((numbers - before[what] if is_update else numbers).norm()), 1e-30)
            slack = ROUNDING * float(numbers.norm()) / size if is_update else 0
            self.add(step, what, float((told[what] - numbers).norm()) / size,
                     float((single[what] - numbers).norm()) / size, slack)

    def all_failures(self):
        usual = [words for what, found in self.beyond.items()
                 if 2 * len(found) > len(self.distances[what]) for words in found]
        return self.failures + usual

    def table(self):
        yield f"{'relative':18}{'lipsweep':>29}{'PyTorch float32':>29}"
        yield f"{'':18}" + 2 * f"{'median':>11}{'largest':>9}{'rms':>9}"
        for what, pairs in self.distances.items():
            numbers = [f(column) for column in zip(*pairs) for f in (statistics.median, max, root_mean_square)]
            yield f"{what:18}" + "".join(f"{n:{11 if i % 3 == 0 else 9}.1e}" for i, n in enumerate(numbers))
