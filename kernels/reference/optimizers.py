"""Optimizers: one update of a flat vector of parameters.

gradient, parameters : (n,).  numbers : float64, laid out as `catalog.OPTIMIZERS` says.
"""


def sgd(gradient, numbers, parameters):
    """w = w - learning_rate * g."""
    learning_rate = parameters.dtype.type(numbers[0])
    parameters -= learning_rate * gradient
