"""One training step as docs/reproducibility.md has it: loss, gradient, optimiser, running statistics."""

import math

import numpy as np
import torch
from torch.nn import functional as F

import networks


def learning_rate(job, finished, steps, steps_an_epoch):
    """Of the step after `finished` ones."""
    lr, kind = job["train.lr"], job["train.schedule.kind"]
    warm = math.floor(job["train.schedule.warmup_epochs"] * steps_an_epoch + 0.5)
    if finished < warm:
        lr = lr * (finished + 1) / warm
    elif kind == "steps":
        for at in job["train.schedule.at"]:
            lr *= job["train.schedule.factor"] if finished // steps_an_epoch >= at else 1
    elif kind == "cosine":
        lr = lr * (1 + math.cos(math.pi * (finished - warm) / (steps - warm))) / 2
    return float(np.float32(lr))


def quotients(job, clean, perturbed, norms):
    if job["loss.output"] == "softmax":
        clean, perturbed = clean.softmax(1), perturbed.softmax(1)
    if job["loss.grad_through"] == "perturbed":
        clean = clean.detach()
    squares = ((perturbed - clean)**2).sum(1)
    # The gradient of the norm at 0 is 0.
    distance = torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt() * (squares > 0)
    return distance / norms


class Training:
    """A job's network and optimiser in one precision."""

    def __init__(self, job, data, classes, dtype):
        self.job, self.data, self.dtype = job, data, dtype
        self.model = networks.network(job, data, classes).to(dtype).train()
        self.parameters = dict(self.model.named_parameters())
        self.first = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        self.second = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        self.steps = job["train.steps"] or job["train.epochs"] * data.steps_an_epoch

    def load(self, weights, state):
        """The optimiser's arrays lie flat, in the order of the tensors; absent, they are 0."""
        self.model.load_state_dict({name: t.to(self.dtype) for name, t in weights.items()})
        for key, parts in (("optimizer.first", self.first), ("optimizer.second", self.second)):
            if key in state:
                sizes = [p.numel() for p in self.parameters.values()]
                for (name, p), flat in zip(self.parameters.items(), state[key].to(self.dtype).split(sizes)):
                    parts[name] = flat.reshape(p.shape).clone()

    def pair(self, batch, clean, perturbed):
        """Logits of both copies; the running statistics move as the options say."""
        only_clean = self.job["model.bn_running"] == "clean"
        count = len(batch.labels)
        if self.job["model.bn_passes"] == "joint":
            networks.set_counted(self.model, count if only_clean else None)
            return self.model(torch.cat([clean, perturbed])).split(count)
        networks.set_counted(self.model, None)
        first = self.model(clean)
        networks.set_counted(self.model, 0 if only_clean else None)
        return first, self.model(perturbed)

    def losses(self, batch):
        """Loss, task loss, Lipschitz loss (None where it has no meaning)."""
        tensor = lambda a: torch.from_numpy(a).to(self.dtype)
        labels, clean = torch.from_numpy(batch.labels), tensor(batch.clean)
        control, weight = self.job["loss.control"], self.job["loss.lambda"]
        networks.set_counted(self.model, None)
        if control == "noise-augmentation":
            task = F.cross_entropy(self.model(tensor(batch.perturbed)), labels)
            return task, task, None
        if control == "none" and weight == 0:
            task = F.cross_entropy(self.model(clean), labels)
            return task, task, None
        logits, perturbed = self.pair(batch, clean, tensor(batch.perturbed))
        task = F.cross_entropy(logits, labels)
        if control == "noisy-bn":
            return task, task, None
        over = F.relu(quotients(self.job, logits, perturbed, tensor(batch.norms)) - self.job["loss.k"])
        lipschitz = (over**2 if self.job["loss.penalty"] == "squared-hinge" else over).mean()
        return task + weight * lipschitz, task, lipschitz

    def update(self, number, lr):
        job = self.job
        norms = {f"{name}.{kind}" for name, module in self.model.named_modules()
                 if isinstance(module, networks.BatchNorm) for kind in ("weight", "bias")}
        for name, w in self.parameters.items():
            g = w.grad
            if job["train.decay_norms"] or name not in norms:
                g = g + job["train.weight_decay"] * w
            if job["train.optimizer"] == "adam":
                b1, b2 = job["train.beta1"], job["train.beta2"]
                self.first[name] = m = b1 * self.first[name] + (1 - b1) * g
                self.second[name] = s = b2 * self.second[name] + (1 - b2) * g**2
                root = s.sqrt() / math.sqrt(1 - b2**number) + job["train.eps"]
                w -= lr / (1 - b1**number) * m / root
                continue
            if job["train.momentum"]:
                self.first[name] = v = job["train.momentum"] * self.first[name] + g
                g = g + job["train.momentum"] * v if job["train.nesterov"] else v
            w -= lr * g

    def step(self, number, batch):
        """Step `number`, from 1. What the trace tells of it."""
        for p in self.parameters.values():
            p.grad = None
        loss, task, lipschitz = self.losses(batch)
        loss.backward()
        norm = math.sqrt(sum(float((p.grad.double()**2).sum()) for p in self.parameters.values()))
        with torch.no_grad():
            self.update(number, learning_rate(self.job, number - 1, self.steps, self.data.steps_an_epoch))
        return {"loss": loss.item(), "task_loss": task.item(), "gradient_norm": norm,
                "lipschitz_loss": None if lipschitz is None else lipschitz.item()}

    def arrays(self):
        """Everything that a step changes, in double, flat, by kind."""
        flat = lambda tensors: torch.cat([t.detach().double().reshape(-1) for t in tensors])
        found = {"weights": flat(self.parameters.values())}
        buffers = [t for name, t in self.model.named_buffers() if "running" in name]
        if buffers:
            found["running"] = flat(buffers)
        if self.job["train.optimizer"] == "adam" or self.job["train.momentum"]:
            found["optimizer.first"] = flat(self.first.values())
        if self.job["train.optimizer"] == "adam":
            found["optimizer.second"] = flat(self.second.values())
        return found
