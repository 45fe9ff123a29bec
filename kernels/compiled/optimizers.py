"""Optimizers: one update of a flat vector of parameters."""

from .jit import helper


@helper
def sgd(gradient, numbers, parameters):
    learning_rate = parameters.dtype.type(numbers[0])
    for i in range(parameters.size):
        parameters[i] -= learning_rate * gradient[i]
