"""A choice of the plan as kernels: the name of a kernel, or functions of the user's own."""

import numpy as np

from . import activations, losses


def activation(chosen):
    """(forward, backward) of an activation; the user's has a `function` and `derivative` of z."""
    if isinstance(chosen, str):
        return getattr(activations, chosen), getattr(activations, f"{chosen}_backward")

    def forward(z, out):
        out[...] = chosen.function(z)

    def backward(z, a, delta):
        delta *= chosen.derivative(z)

    return forward, backward


def loss(chosen):
    """The kernel of a loss; the user's has a `function` and `derivative` of (a, target)."""
    if isinstance(chosen, str):
        return getattr(losses, chosen)

    def kernel(a, target, numbers, scale, delta, values):
        np.mean(chosen.function(a, target), axis=1, out=values)
        delta[...] = chosen.derivative(a, target)
        delta *= losses.mean_over_outputs(scale, a)

    return kernel
