"""Writes networks.json beside itself: where PyTorch goes from the starts of `networks`.

python -m tests.trajectories.make_networks    with PyTorch installed; `trajectory` is what the
tests ask PyTorch itself where it is.
"""

import json
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fastnet.losses import Huber, Quantile

from .make_schedules import CLASSES
from .networks import CASES, FILE, ROWS, X, Y

ACTIVATIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.01),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "softmax": partial(nn.Softmax, dim=1),
}
# PyTorch has these as functions of the logits.
OF_LOGITS = {"binary_cross_entropy", "cross_entropy"}


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of its paper, which PyTorch has not."""

    def __init__(self, parameters, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(parameters, {"lr": lr})
        self.betas, self.weight_decay = betas, weight_decay

    @torch.no_grad()
    def step(self):
        (group,), (beta1, beta2) = self.param_groups, self.betas
        for w in group["params"]:
            average = self.state[w].get("average", torch.zeros_like(w))
            direction = torch.sign(beta1 * average + (1 - beta1) * w.grad)
            self.state[w]["average"] = beta2 * average + (1 - beta2) * w.grad
            w -= group["lr"] * (direction + self.weight_decay * w)


OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "amsgrad": partial(torch.optim.Adam, amsgrad=True),
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "lion": Lion,
    "rprop": torch.optim.Rprop,
}


@contextmanager
def _float64():
    """PyTorch's own scalars too, as NAdam's product; threads would only wait for each other."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)


@_float64()
def trajectory(case):
    """The parameters at the end, laid out as fastnet's, and the losses of the epochs."""
    arguments = case.arguments
    batches = torch.arange(ROWS).split(arguments["batch_size"] or ROWS)
    inputs, targets = torch.from_numpy(X), _targets(case)
    weights = _row_weights(case)
    mean_loss = _mean_loss(case)
    model = _model(case)
    layers = [module for module in model if isinstance(module, nn.Linear)]
    optimizer = _optimizer(arguments, model.parameters())
    advance = _scheduler(arguments.get("schedule"), arguments["epochs"], optimizer, len(batches))
    averaged = None
    if "average" in arguments:
        average = get_ema_multi_avg_fn(arguments["average"])
        averaged = AveragedModel(model, multi_avg_fn=average)

    losses = []
    for epoch in range(arguments["epochs"]):
        total = 0.0
        for number, rows in enumerate(batches, 1):
            value = mean_loss(model(inputs[rows]), targets[rows], weights[rows])
            value = value + _penalty(case, layers)
            optimizer.zero_grad()
            value.backward()
            if "clip_value" in arguments:
                clip_grad_value_(model.parameters(), arguments["clip_value"])
            if "clip_norm" in arguments:
                clip_grad_norm_(model.parameters(), arguments["clip_norm"])
            optimizer.step()
            if "max_norm" in case.network:
                _renormalize(case.network["max_norm"], layers[:-1])
            if averaged:
                averaged.update_parameters(model)
            total += value.item() * (weights[rows].sum() / weights.sum()).item()
            advance(epoch * len(batches) + number, total)
        losses.append(total)
    return _flat(averaged.module if averaged else model), np.array(losses)


def _model(case):
    hidden = [case.hidden] * 2 if isinstance(case.hidden, str) else case.hidden
    is_of_logits = case.loss in OF_LOGITS
    model, start = nn.Sequential(), 0
    activations = [*hidden, "identity" if is_of_logits else case.output]
    for (n_in, n_out), activation in zip(pairwise(case.layer_sizes), activations, strict=True):
        layer, stop = nn.Linear(n_in, n_out), start + (n_in + 1) * n_out
        matrix = torch.tensor(case.start[start:stop].reshape(n_in + 1, n_out))
        layer.weight.data, layer.bias.data = matrix[:-1].T.contiguous(), matrix[-1]
        model.extend([layer, ACTIVATIONS[activation]()])
        start = stop
    return model


def _flat(model):
    layers = [module for module in model if isinstance(module, nn.Linear)]
    parts = [part.ravel() for layer in layers for part in (layer.weight.T, layer.bias)]
    return torch.cat(parts).detach().numpy()


def _targets(case):
    y = torch.from_numpy(Y[case.y])
    if case.loss == "cross_entropy":
        return y
    if case.output == "softmax" and y.ndim == 1:
        y = nn.functional.one_hot(y)
    y = y.to(torch.float64).reshape(ROWS, -1)
    # PyTorch smooths only the targets of CrossEntropyLoss.
    smoothing = case.arguments.get("label_smoothing", 0)
    y = (1 - smoothing) * y + smoothing / 2
    return y.repeat_interleave(case.outputs // y.shape[1], dim=1)


def _class_weights(case):
    """The weight of each class."""
    given, counts = case.arguments["class_weight"], np.bincount(Y[case.y])
    if given == "balanced":
        return torch.tensor(ROWS / (len(counts) * counts))
    return torch.tensor([given.get(label, 1.0) for label in range(len(counts))])


def _row_weights(case):
    arguments, weights = case.arguments, torch.ones(ROWS)
    if "sample_weight" in arguments:
        weights = weights * torch.tensor(arguments["sample_weight"])
    if "class_weight" in arguments:
        weights = weights * _class_weights(case)[Y[case.y]]
    return weights


def _mean_loss(case):
    """A function of (output, target, weights of the rows)."""
    given = {"sample_weight", "class_weight"} & set(case.arguments)
    if not given:
        criterion = _criterion(case)
    elif given == {"class_weight"} and case.loss == "cross_entropy":
        # PyTorch's own weighted mean.
        criterion = _criterion(case, weight=_class_weights(case))
    else:
        return partial(_weighted_mean, _criterion(case, reduction="none"))
    return lambda output, target, weights: criterion(output, target)


def _weighted_mean(criterion, output, target, weights):
    values = criterion(output, target).reshape(len(target), -1).mean(dim=1)
    return (weights * values).sum() / weights.sum()


def _criterion(case, **options):
    """The loss as PyTorch's module; options : reduction and weight."""
    match case.loss:
        case "binary_cross_entropy":
            return nn.BCEWithLogitsLoss(**options)
        case "cross_entropy":
            smoothing = case.arguments.get("label_smoothing", 0.0)
            return nn.CrossEntropyLoss(label_smoothing=smoothing, **options)
        case "mse":
            return nn.MSELoss(**options)
        case "mae":
            return nn.L1Loss(**options)
        case "huber":
            return nn.HuberLoss(**options)
        case Huber(delta=delta):
            return nn.HuberLoss(delta=delta, **options)
        case "poisson":
            is_logarithm = case.output == "identity"
            return nn.PoissonNLLLoss(log_input=is_logarithm, eps=0, **options)
        case "quantile":
            return partial(_pinball, torch.tensor(0.5))
        case Quantile(q=q):
            return partial(_pinball, torch.tensor(q * (case.outputs // len(q))))


def _pinball(q, output, target):
    """The quantile loss, which PyTorch has not."""
    error = target - output
    return torch.maximum(q * error, (q - 1) * error).mean()


def _penalty(case, layers):
    l1, l2 = case.network.get("l1", 0), case.network.get("l2", 0)
    return sum(
        l1 * layer.weight.abs().sum() + l2 / 2 * layer.weight.square().sum() for layer in layers
    )


@torch.no_grad()
def _renormalize(limit, layers):
    for layer in layers:
        for row in layer.weight:
            if row.norm() > limit:
                row *= limit / row.norm()


def _optimizer(arguments, parameters):
    optimizer = arguments["optimizer"]
    if optimizer is None or isinstance(optimizer, str):
        return OPTIMIZERS[optimizer or "sgd"](parameters, lr=arguments["learning_rate"])
    numbers = optimizer.as_dict()
    name, rate = numbers.pop("name"), numbers.pop("learning_rate")
    kind = Lion if name == "Lion" else getattr(torch.optim, name)
    return kind(parameters, lr=rate, **numbers)


def _scheduler(schedule, epochs, optimizer, steps_per_epoch):
    """A function of (steps taken, loss of the epoch so far), to be called after each step."""
    if schedule is None:
        return lambda taken, loss: None
    if isinstance(schedule, str):
        lengths = {"cosine": {"T_max": epochs}, "one_cycle": {"epochs": epochs}}
        description = {"name": schedule, **lengths.get(schedule, {})}
    else:
        description = schedule.as_dict()
    return _described(description, optimizer, steps_per_epoch)


def _described(description, optimizer, steps_per_epoch):
    numbers = dict(description)
    name, period = numbers.pop("name"), steps_per_epoch
    if name == "warm_up":
        return _warm_up(optimizer, steps_per_epoch, **numbers)
    if name == "constant":
        scheduler = lr_scheduler.ConstantLR(optimizer, factor=1.0)
    elif name == "inverse_scaling":
        power, period = numbers.get("power", 0.5), 1
        scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) ** -power)
    elif name == "one_cycle":
        period = 1
        scheduler = lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=optimizer.param_groups[0]["lr"],
            steps_per_epoch=steps_per_epoch,
            cycle_momentum=False,
            **numbers,
        )
    else:
        scheduler = CLASSES[name](optimizer, **numbers)

    def advance(taken, loss):
        if taken % period == 0:
            scheduler.step(*([loss] if name == "plateau" else []))

    return advance


def _warm_up(optimizer, steps_per_epoch, schedule, steps, epochs, start_factor):
    length = steps or epochs * steps_per_epoch
    rise = lr_scheduler.LinearLR(optimizer, start_factor, 1.0, length)
    after = None

    def advance(taken, loss):
        nonlocal after
        if taken <= length:
            rise.step()
        if taken == length:
            after = _described(schedule, optimizer, steps_per_epoch)
        elif taken > length:
            after(taken - length, loss)

    return advance


def main():
    lines = []
    for name, case in CASES.items():
        # The tests compare to 1e-10.
        arrays = [[float(f"{x:.12e}") for x in array] for array in trajectory(case)]
        lines.append(f"{json.dumps(name)}: {json.dumps(arrays, separators=(',', ':'))}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
