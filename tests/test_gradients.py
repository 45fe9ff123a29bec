"""The exact gradient and the losses, against finite differences and against themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet import NeuralNetwork

DEPTHS = ([3, 2], [3, 5, 2], [2, 6, 5, 3], [3, 4, 17, 5, 2])


def problem(layer_sizes, output, rows, rng, **options):
    network = NeuralNetwork(layer_sizes, output=output, seed=rng, **options)
    network.parameters += 0.1 * rng.standard_normal(network.parameters.size)
    X = rng.standard_normal((rows, layer_sizes[0]))
    if output == "softmax":
        return network, X, rng.integers(0, layer_sizes[-1], rows)
    return network, X, rng.random((rows, layer_sizes[-1]))


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("layer_sizes", DEPTHS)
def test_gradient_is_the_slope_of_the_loss(layer_sizes, output, backend, rng):
    network, X, y = problem(layer_sizes, output, 6, rng, backend=backend)
    gradient = network.gradients(X, y)
    start, step = network.parameters.copy(), 1e-6
    slope = np.empty_like(start)
    for place in range(start.size):
        sides = []
        for sign in (1, -1):
            network.parameters[place] = start[place] + sign * step
            sides.append(network.loss(X, y))
        network.parameters[place] = start[place]
        slope[place] = (sides[0] - sides[1]) / (2 * step)
    # Central differences: eps * loss / step of rounding, step^2 of curvature.
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=2e-9)
    assert np.abs(gradient).max() > 1e-3


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("layer_sizes", DEPTHS)
def test_both_paths_agree_on_gradient_and_loss(layer_sizes, output, rng):
    reference, X, y = problem(layer_sizes, output, 50, rng, backend="reference")
    compiled = NeuralNetwork(layer_sizes, output=output, backend="compiled", seed=0)
    compiled.parameters = reference.parameters
    expected = reference.gradients(X, y)
    bound = 1e-12 * np.abs(expected).max()
    np.testing.assert_allclose(compiled.gradients(X, y), expected, rtol=0, atol=bound)
    assert compiled.loss(X, y) == pytest.approx(reference.loss(X, y), rel=1e-13)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_loss_is_the_textbook_formula(output, backend, rng):
    network, X, y = problem([4, 6, 3], output, 20, rng, backend=backend)
    p = network.predict(X)
    if output == "softmax":
        expected = -np.mean(np.log(p[np.arange(20), y]))
    else:
        expected = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert network.loss(X, y) == pytest.approx(expected, rel=1e-12)


def test_labels_and_one_hot_rows_are_the_same(backend, rng):
    network, X, labels = problem([4, 6, 3], "softmax", 20, rng, backend=backend)
    one_hot = np.eye(3)[labels]
    assert network.loss(X, labels) == network.loss(X, one_hot)
    assert np.array_equal(network.gradients(X, labels), network.gradients(X, one_hot))


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_loss_stays_exact_where_probabilities_round_to_0_and_1(output, backend):
    network = NeuralNetwork([1, 2], output=output, backend=backend, seed=0)
    network.parameters = [1000.0, -1000.0, 0.0, 0.0]
    y = [[0, 1]]
    expected = 1000.0 if output == "sigmoid" else 2000.0
    assert network.loss([[1.0]], y) == expected
    assert np.isfinite(network.gradients([[1.0]], y)).all()
    assert network.loss([[-1.0]], y) == 0.0


sizes = st.lists(st.integers(1, 40), min_size=2, max_size=5)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(1, 70), st.sampled_from(["float64", "float32"]), st.integers(0, 2**32))
def test_paths_agree_on_any_shape(layer_sizes, rows, dtype, seed):
    rng = np.random.default_rng(seed)
    output = "softmax" if layer_sizes[-1] > 1 and seed % 2 else "sigmoid"
    reference, X, y = problem(layer_sizes, output, rows, rng, backend="reference", dtype=dtype)
    compiled = NeuralNetwork(layer_sizes, output=output, dtype=dtype, backend="compiled", seed=0)
    compiled.parameters = reference.parameters
    before = X.copy(), np.copy(y)
    eps = float(np.finfo(dtype).eps)
    depth = sum(layer_sizes)
    p, q = reference.predict(X), compiled.predict(X)
    # Rounding grows with the length of the sums and the size of the logits, here below 1e3.
    np.testing.assert_allclose(q, p, rtol=0, atol=50 * depth * eps)
    loss = reference.loss(X, y)
    assert compiled.loss(X, y) == pytest.approx(loss, rel=50 * depth * eps, abs=50 * depth * eps)
    assert np.array_equal(before[0], X)
    assert np.array_equal(before[1], y)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 2**32))
def test_gradient_of_two_rows_is_the_mean_of_theirs(n_in, hidden, seed):
    rng = np.random.default_rng(seed)
    network, X, y = problem([n_in, hidden, 2], "sigmoid", 2, rng, backend="compiled")
    both = network.gradients(X, y)
    each = [network.gradients(X[i : i + 1], y[i : i + 1]) for i in range(2)]
    scale = max(np.abs(g).max() for g in each)
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2, rtol=0, atol=1e-14 * scale * n_in)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32))
def test_permuting_hidden_units_changes_nothing(hidden, seed):
    rng = np.random.default_rng(seed)
    network, X, y = problem([3, hidden, 2], "sigmoid", 11, rng, backend="compiled")
    loss, prediction = network.loss(X, y), network.predict(X)
    order = rng.permutation(hidden)
    first, second = (w.copy() for w in network.weights)
    network.weights = [first[:, order], second[order]]
    network.biases[0] = network.biases[0][:, order].copy()
    assert network.loss(X, y) == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(network.predict(X), prediction, rtol=1e-12)
