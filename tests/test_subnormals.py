"""Numbers too small for all their digits: 0 while a network trains, and themselves elsewhere."""

import numpy as np
import pytest

from fastnet import NeuralNetwork


def tiny(dtype):
    """A network whose output, and so its loss, is a tenth of the smallest number of all digits."""
    smallest = float(np.finfo(dtype).smallest_normal)
    network = NeuralNetwork([1, 1], output="identity", loss="mae", dtype=dtype, seed=0)
    network.parameters[:] = smallest * 1e10, 0
    return network, np.array([[1e-11]], dtype), np.zeros((1, 1), dtype)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_counts_them_as_0(dtype, n_threads):
    network, X, y = tiny(dtype)
    smallest = np.finfo(dtype).smallest_normal
    assert 0 < network.predict(X)[0, 0] < smallest
    assert 0 < network.loss(X, y) < smallest
    history = network.train(X, y, 1, 0.1, False, optimizer="sgd", n_threads=n_threads)
    assert history[0] == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_afterwards_they_are_numbers_again(dtype):
    network, X, y = tiny(dtype)
    tenth = np.array([np.finfo(dtype).smallest_normal]) / 10
    network.train(X, y, 3, 0.1, False)
    assert tenth[0] > 0
    assert (tenth * 0.5 > 0).all()
    network.parameters[:] = tiny(dtype)[0].parameters
    assert network.predict(X)[0, 0] > 0
