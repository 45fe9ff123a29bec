"""Kernels made of a user's own scalar functions, compiled by the user's `numba.njit`."""

from .jit import helper


def activation(chosen):
    """The kernel of an activation that is not in the catalog."""
    function = chosen.compiled

    @helper
    def kernel(z, out):
        for i in range(z.size):
            out[i] = function(z[i])

    return kernel


def activation_backward(chosen):
    """The kernel of its derivative."""
    derivative = chosen.compiled_derivative

    @helper
    def kernel(z, a, delta):
        for i in range(z.size):
            delta[i] *= z.dtype.type(derivative(z[i]))

    return kernel


def loss(chosen):
    """The kernel of a loss that is not in the catalog."""
    function, derivative = chosen.compiled, chosen.compiled_derivative

    @helper
    def kernel(a, target, numbers, scale, delta, losses):
        outputs, width = a.shape
        real = a.dtype.type
        losses[0] = real(0)
        for i in range(outputs):
            for j in range(width):
                losses[0, j] += real(function(a[i, j], target[i, j]))
                slope = real(derivative(a[i, j], target[i, j]))
                delta[i, j] = slope * scale[j] / real(outputs)
        for j in range(width):
            losses[0, j] /= real(outputs)

    return kernel
