"""The registry of contenders: who trains the workloads.

Each contender is a function of a workload, its data and its initial parameters, run as an expert
in that library would run it, that returns a function without arguments: from the initial
parameters, take the workload's steps of plain SGD and return the final parameters. Whatever can
be done once, before training starts, is done outside of that function.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import fastnet


@dataclass(frozen=True)
class Contender:
    """A way to train.

    Attributes
    ----------
    prepare : function
        Of (workload, data, initial parameters); returns the function that is measured.
    library : str
        The name by which it is imported.
    peer : bool
        Whether it is somebody else's.
    """

    name: str
    prepare: Callable
    library: str = "fastnet"
    peer: bool = True

    def left_out(self) -> str | None:
        """Why it cannot take part here, or None."""
        if importlib.util.find_spec(self.library) is None:
            return f"{self.library} is not installed"
        if self.prepare is torch_compile and not shutil.which(os.environ.get("CXX", "g++")):
            return "torch.compile needs a C++ compiler"
        return None


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def fastnet_backend(backend, workload, data, initial):
    """fastnet itself."""
    network = fastnet.NeuralNetwork(
        workload.layer_sizes, output=workload.output, dtype=workload.dtype, backend=backend
    )
    flat = np.concatenate([array.ravel() for layer in initial for array in layer])
    full = workload.batch_size == workload.rows
    options = {
        "epochs": workload.epochs,
        "learning_rate": workload.learning_rate,
        "verbose": False,
        "batch_size": None if full else workload.batch_size,
        "shuffle": False,
        "optimizer": "sgd",
    }

    def run():
        network.parameters = flat
        network.train(*data, **options)
        return [(w, b[0]) for w, b in zip(network.weights, network.biases, strict=True)]

    return run


def scikit_learn(workload, data, initial):
    """MLPClassifier, started warm from the initial parameters: one `fit` takes all epochs."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    X, y = data
    rate = workload.learning_rate
    if workload.output == "sigmoid":
        # Its gradient is a sum over the outputs where the workload's is a mean.
        rate /= workload.layer_sizes[-1]
        y = y.astype(np.int64)
        y = y.ravel() if y.shape[1] == 1 else y
    model = MLPClassifier(
        workload.layer_sizes[1:-1],
        activation="relu",
        solver="sgd",
        alpha=0,
        batch_size=workload.batch_size,
        learning_rate_init=rate,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        warm_start=True,
        max_iter=1,
        tol=0,
        n_iter_no_change=2**31 - 1,
    )

    def fit():
        # It took all the epochs that it was to take; that is no news.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)

    fit()
    model.set_params(max_iter=workload.epochs)

    def run():
        model.coefs_ = [weight.copy() for weight, _ in initial]
        model.intercepts_ = [bias.copy() for _, bias in initial]
        fit()
        return list(zip(model.coefs_, model.intercepts_, strict=True))

    return run


def torch_batches(workload, data):
    """The mini-batches as tensors, and the loss as PyTorch has it."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(cores())
    X, y = (torch.from_numpy(array) for array in data)
    batches = list(zip(X.split(workload.batch_size), y.split(workload.batch_size), strict=True))
    if workload.output == "softmax":
        return batches, functional.cross_entropy
    return batches, functional.binary_cross_entropy_with_logits


def torch_eager(workload, data, initial):
    """PyTorch as it comes: a Sequential model, autograd and the fused SGD."""
    import torch

    batches, loss_function = torch_batches(workload, data)
    layers = []
    for weight, _ in initial:
        dtype = getattr(torch, workload.dtype)
        layers += [torch.nn.Linear(*weight.shape, dtype=dtype), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=workload.learning_rate, fused=True)
    start = [torch.from_numpy(array.T.copy()) for layer in initial for array in layer]

    def run():
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(value)
        for _ in range(workload.epochs):
            for X, y in batches:
                optimizer.zero_grad(set_to_none=True)
                loss_function(model(X), y).backward()
                optimizer.step()
        parameters = [parameter.detach().numpy() for parameter in model.parameters()]
        return [(w.T, b) for w, b in zip(parameters[::2], parameters[1::2], strict=True)]

    return run


def torch_compile(workload, data, initial):
    """torch.compile of a whole step: forward, backward and update in one graph."""
    import torch

    with warnings.catch_warnings():
        # PyTorch's own use of what it deprecates, at the import of its compiler.
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        importlib.import_module("torch._inductor.compile_fx")

    batches, loss_function = torch_batches(workload, data)
    start = [torch.from_numpy(array) for layer in initial for array in layer]
    parameters = [torch.empty_like(value) for value in start]

    def loss(parameters, X, y):
        a = X
        for place in range(0, len(parameters), 2):
            a = torch.addmm(parameters[place + 1], torch.relu(a) if place else a, parameters[place])
        return loss_function(a, y)

    # dynamic=False: the shorter last batch is compiled for its own shape.
    @torch.compile(fullgraph=True, dynamic=False)
    def step(parameters, X, y):
        gradients, value = torch.func.grad_and_value(loss)(parameters, X, y)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(gradient, alpha=workload.learning_rate)
        return value

    @torch.no_grad()
    def run():
        for parameter, value in zip(parameters, start, strict=True):
            parameter.copy_(value)
        for _ in range(workload.epochs):
            for X, y in batches:
                step(parameters, X, y)
        arrays = [parameter.numpy() for parameter in parameters]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    return run


def jax_scan(workload, data, initial):
    """JAX: all steps in one jit, a scan over the epochs around a scan over the batches."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    with jax.enable_x64(workload.dtype == "float64"):
        X, y = data
        if workload.output == "softmax":
            y = np.eye(workload.layer_sizes[-1], dtype=workload.dtype)[y]
        full = workload.rows // workload.batch_size
        cut = full * workload.batch_size
        batches = tuple(
            jnp.asarray(array[:cut].reshape(full, workload.batch_size, -1)) for array in (X, y)
        )
        rest = tuple(jnp.asarray(array[cut:]) for array in (X, y))

    def loss(parameters, X, y):
        a = X
        for place, (weight, bias) in enumerate(parameters):
            a = (jax.nn.relu(a) if place else a) @ weight + bias
        if workload.output == "softmax":
            return -(y * jax.nn.log_softmax(a)).sum(axis=1).mean()
        return (jax.nn.softplus(a) - y * a).mean()

    def step(parameters, batch):
        value, gradients = jax.value_and_grad(loss)(parameters, *batch)
        rate = workload.learning_rate
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), value

    @functools.partial(jax.jit, donate_argnums=0)
    def train(parameters, batches, rest):
        def epoch(parameters, _):
            if full == 1:
                parameters, values = step(parameters, jax.tree.map(lambda a: a[0], batches))
            else:
                parameters, values = lax.scan(step, parameters, batches)
            if cut < workload.rows:
                parameters, value = step(parameters, rest)
                values = jnp.append(values, value)
            return parameters, values

        return lax.scan(epoch, parameters, length=workload.epochs)

    def run():
        with jax.enable_x64(workload.dtype == "float64"):
            parameters, _ = jax.block_until_ready(train(jax.device_put(initial), batches, rest))
        return [(np.asarray(weight), np.asarray(bias)) for weight, bias in parameters]

    return run


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("reference", functools.partial(fastnet_backend, "reference"), peer=False),
        Contender("compiled", functools.partial(fastnet_backend, "compiled"), "numba", peer=False),
        Contender("scikit-learn", scikit_learn, "sklearn"),
        Contender("PyTorch", torch_eager, "torch"),
        Contender("torch.compile", torch_compile, "torch"),
        Contender("JAX", jax_scan, "jax"),
    )
}
