"""PyTorch: as it comes, and torch.compile of whole steps."""

import importlib
import warnings

from ..machine import cores
from ..workloads import BETAS, EPS


def sequential(workload):
    """A Sequential model with the workload's initial parameters, up to the last layer's sums."""
    import torch

    torch.set_num_threads(cores())
    hidden = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[workload.hidden]
    layers = []
    for weight, bias in workload.initial:
        linear = torch.nn.Linear(*weight.shape, dtype=getattr(torch, workload.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.copy_(torch.from_numpy(bias))
        layers += [linear, hidden()]
    return torch.nn.Sequential(*layers[:-1])


def batches_of(workload):
    """The mini-batches as tensors."""
    import torch

    torch.set_num_threads(cores())
    X, y = torch.from_numpy(workload.X), torch.from_numpy(workload.y)
    return list(zip(X.split(workload.batch_size), y.split(workload.batch_size), strict=True))


def loss_of(workload):
    """The loss as a function of the last layer's sums and the targets."""
    from torch.nn import functional

    return {
        "identity": functional.mse_loss,
        "sigmoid": functional.binary_cross_entropy_with_logits,
        "softmax": functional.cross_entropy,
    }[workload.output]


def train_eager(workload):
    """Autograd and a fused optimizer."""
    import torch

    batches, loss_function = batches_of(workload), loss_of(workload)
    model = sequential(workload)
    start = [parameter.detach().clone() for parameter in model.parameters()]
    if workload.optimizer == "adam":
        optimizer = torch.optim.Adam(
            model.parameters(), lr=workload.learning_rate, betas=BETAS, eps=EPS, fused=True
        )
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=workload.learning_rate, fused=True)

    def run():
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(value)
                for kept in optimizer.state[parameter].values():
                    kept.zero_()
        for _ in range(workload.epochs):
            for X, y in batches:
                optimizer.zero_grad(set_to_none=True)
                loss_function(model(X), y).backward()
                optimizer.step()
        parameters = [parameter.detach().numpy() for parameter in model.parameters()]
        return [(w.T, b) for w, b in zip(parameters[::2], parameters[1::2], strict=True)]

    return run


def train_compiled(workload):
    """Forward, backward and the optimizer in one graph."""
    import torch

    with warnings.catch_warnings():
        # PyTorch's own use of what it deprecates, at the import of its compiler.
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        importlib.import_module("torch._inductor.compile_fx")

    batches, loss_function = batches_of(workload), loss_of(workload)
    hidden = {"relu": torch.relu, "tanh": torch.tanh}[workload.hidden]
    start = [torch.from_numpy(array) for layer in workload.initial for array in layer]
    parameters = [torch.empty_like(value) for value in start]
    moments = [torch.empty_like(value) for _ in range(2) for value in start]
    # A tensor, so that the graph is the same in every step; without an axis it would stay 0.
    time = torch.zeros(1, dtype=torch.float64)
    rate, (beta1, beta2) = workload.learning_rate, BETAS

    def loss(parameters, X, y):
        a = X
        for place in range(0, len(parameters), 2):
            a = torch.addmm(parameters[place + 1], hidden(a) if place else a, parameters[place])
        return loss_function(a, y)

    def sgd(gradients):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(gradient, alpha=rate)

    def adam(gradients):
        time.add_(1)
        step_size = rate / (1 - beta1**time)
        root = (1 - beta2**time).sqrt()
        count = len(parameters)
        for p, g, m, s in zip(parameters, gradients, moments[:count], moments[count:], strict=True):
            m.lerp_(g, 1 - beta1)
            s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            p.sub_(step_size.to(p.dtype) * m / (s.sqrt() / root.to(p.dtype) + EPS))

    update = {"adam": adam, "sgd": sgd}[workload.optimizer]
    # Of earlier workloads it would keep guards, and after some refuse to compile more.
    torch.compiler.reset()

    # dynamic=False: the shorter last batch is compiled for its own shape.
    @torch.compile(fullgraph=True, dynamic=False)
    def step(X, y):
        gradients, value = torch.func.grad_and_value(loss)(parameters, X, y)
        update(gradients)
        return value

    @torch.no_grad()
    def run():
        for parameter, value in zip(parameters, start, strict=True):
            parameter.copy_(value)
        for kept in (*moments, time):
            kept.zero_()
        for _ in range(workload.epochs):
            for X, y in batches:
                step(X, y)
        arrays = [parameter.numpy() for parameter in parameters]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    return run


def predict(workload):
    """A Sequential model in inference mode, on a tensor that is there already."""
    import torch

    last = {
        "identity": torch.nn.Identity(),
        "sigmoid": torch.nn.Sigmoid(),
        "softmax": torch.nn.Softmax(dim=1),
    }[workload.output]
    model = torch.nn.Sequential(*sequential(workload), last).eval()
    X = torch.from_numpy(workload.X)

    @torch.inference_mode()
    def run():
        return model(X)

    return run
