"""Networks and data of a few numbers, for tests of what is asked of arguments."""

import numpy as np

from fastnet import NeuralNetwork

# Small whole numbers: every dtype below holds them exactly.
X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
Y = np.array([[1.0], [1.0], [0.0], [0.0]])
LABELS = np.array([0, 2, 1, 0])


def binary(dtype="float64", backend="reference"):
    """A network with one output, and activations kept from a forward call."""
    network = NeuralNetwork([2, 3, 1], dtype=dtype, backend=backend, seed=0)
    network.forward(X)
    return network


def classifier():
    """A network with three classes, and activations kept from a forward call."""
    network = NeuralNetwork([2, 4, 3], output="softmax", backend="reference", seed=0)
    network.forward(X)
    return network


def learned(network, x, y):
    """Everything that a network makes of this data, through every method that takes some."""
    out = [network.predict(x), network.forward(x), network.loss(x, y), network.gradients(x, y)]
    network.backward(x, y)
    losses = network.train(x, y, 2, 0.1, verbose=False, batch_size=3)
    return [*out, losses, network.parameters]


def assert_same(got, expected):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)
