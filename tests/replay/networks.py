"""The networks of docs/reproducibility.md in PyTorch, for load_state_dict of what `lipsweep weights` writes."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import philox


class BatchNorm(nn.BatchNorm2d):
    """Moves the running statistics by the first `counted` images of a pass alone (None: by all)."""

    counted = None

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        moving = x.detach()[:self.counted]
        if len(moving):
            variance, mean = torch.var_mean(moving, (0, 2, 3), unbiased=True)
            for running, of_batch in ((self.running_mean, mean), (self.running_var, variance)):
                running.mul_(1 - self.momentum).add_(self.momentum * of_batch)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0, self.eps)


def convolution(inside, outside, size, stride):
    return nn.Conv2d(inside, outside, size, stride, size // 2, bias=False)


class Block(nn.Module):
    """Its modules stand in the order of the documented tensors."""

    def __init__(self, inside, width, is_pre, has_convolution):
        super().__init__()
        self.is_pre, self.stride = is_pre, 1 if inside == width else 2
        self.zeros = (width - inside) // 2
        self.has_convolution = has_convolution and self.stride == 2
        if is_pre:
            self.bn1 = BatchNorm(inside)
        if self.has_convolution:
            self.shortcut = convolution(inside, width, 1, self.stride)
            if not is_pre:
                self.shortcut_bn = BatchNorm(width)
        self.conv1 = convolution(inside, width, 3, self.stride)
        if is_pre:
            self.bn2 = BatchNorm(width)
        else:
            self.bn1 = BatchNorm(width)
        self.conv2 = convolution(width, width, 3, 1)
        if not is_pre:
            self.bn2 = BatchNorm(width)

    def beside(self, x):
        if self.has_convolution:
            return self.shortcut(x) if self.is_pre else self.shortcut_bn(self.shortcut(x))
        if self.stride == 1:
            return x
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.zeros, self.zeros))

    def forward(self, x):
        if self.is_pre:
            y = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))
            return y + self.beside(x)
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.beside(x))


class Residual(nn.Module):
    def __init__(self, name, has_convolution, channels, classes, mean, deviation):
        super().__init__()
        self.is_pre = name.startswith("pre")
        count, inside = (int(name.split("resnet")[1]) - 2) // 6, 16
        self.mean, self.deviation = torch.from_numpy(mean), torch.from_numpy(deviation)
        self.conv1 = convolution(channels, 16, 3, 1)
        if not self.is_pre:
            self.bn1 = BatchNorm(16)
        for stage, width in enumerate((16, 32, 64), 1):
            blocks = [Block(inside if i == 0 else width, width, self.is_pre, has_convolution) for i in range(count)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inside = width
        if self.is_pre:
            self.bn = BatchNorm(64)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        mean, deviation = (t.to(x.dtype).view(1, -1, 1, 1) for t in (self.mean, self.deviation))
        x = self.conv1((x - mean) / deviation)
        x = x if self.is_pre else F.relu(self.bn1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = F.relu(self.bn(x)) if self.is_pre else x
        return self.fc(x.mean((2, 3)))


class MnistCnn(nn.Module):
    def __init__(self, channels, side, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 5, padding=2)
        self.fc1 = nn.Linear(16 * (side // 2)**2, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def network(job, data, classes):
    """For the images of a TrainingSet."""
    _, channels, side, _ = data.images.shape
    if job["model.name"] == "mnist-cnn":
        return MnistCnn(channels, side, classes)
    return Residual(job["model.name"], job["model.shortcut"] == "B", channels, classes, data.mean, data.deviation)


def initial_weights(seed, model):
    """What the tensors start with, float32, by name; the running statistics are left to PyTorch (0 and 1)."""
    found, fan_in = {}, None
    for number, (name, tensor) in enumerate(model.named_parameters()):
        count = tensor.numel()
        if tensor.dim() > 1:
            fan_in = tensor[0].numel()
        if isinstance(model, Residual) and tensor.dim() == 4:
            z = philox.normals(seed, philox.INITIAL_WEIGHTS, 0, number, count)
            numbers = math.sqrt(2 / fan_in) * z.astype(np.float64)
        elif isinstance(model, Residual) and not name.startswith("fc."):
            numbers = np.full(count, float(name.endswith("weight")))
        else:
            u = philox.uniforms(philox.words(seed, philox.INITIAL_WEIGHTS, 0, number, count))
            numbers = (2 * u - 1) / math.sqrt(fan_in)
        found[name] = torch.from_numpy(numbers.astype(np.float32)).reshape(tensor.shape)
    return found


def set_counted(model, counted):
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.counted = counted
