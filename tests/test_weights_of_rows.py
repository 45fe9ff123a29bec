"""What a row counts: weights of rows and of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from fastnet import NeuralNetwork

from .conftest import BACKENDS

OUTPUTS = {"sigmoid": None, "softmax": None, "identity": "huber", "softplus": "poisson"}


def problem(rng, rows, output, **options):
    """A network with three outputs, and rows that it can be trained on."""
    network = NeuralNetwork([2, 4, 3], output=output, loss=OUTPUTS[output], seed=rng, **options)
    X = rng.standard_normal((rows, 2))
    return network, X, rng.integers(0, 3, rows) if output == "softmax" else rng.random((rows, 3))


def twin(network):
    """Another network with the same parameters."""
    other = NeuralNetwork(
        network.layer_sizes,
        output=network._plan.output,
        loss=network._plan.loss,
        l2=network._plan.l2,
        dtype=network.dtype,
        backend=network.backend,
    )
    other.parameters = network.parameters
    return other


def assert_same_training(one, other, steps=1):
    """Two pairs of (losses, network) agree but for rounding.

    The sums have a few dozen terms, all of the order of 1; each step adds the rounding of its
    own gradient.
    """
    tolerance = 100 * steps * np.finfo(one[1].dtype).eps
    np.testing.assert_allclose(one[0], other[0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        one[1].parameters, other[1].parameters, rtol=tolerance, atol=tolerance
    )


def trained(network, X, y, epochs=5, **options):
    options = {"optimizer": "sgd", "shuffle": False} | options
    return network.train(X, y, epochs, 0.2, False, **options), network


@pytest.mark.parametrize("path", BACKENDS)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=12).filter(any),
    st.sampled_from(list(OUTPUTS)),
    st.sampled_from(["float64", "float32"]),
    st.integers(0, 2**32),
)
def test_a_whole_weight_is_the_row_that_many_times(path, weights, output, dtype, seed):
    rng = np.random.default_rng(seed)
    network, X, y = problem(rng, len(weights), output, dtype=dtype, backend=path, l2=0.1)
    many = np.repeat(np.arange(len(weights)), weights)
    eps = float(np.finfo(dtype).eps)
    assert network.loss(X, y, sample_weight=weights) == pytest.approx(
        network.loss(X[many], y[many]), rel=100 * eps
    )
    np.testing.assert_allclose(
        network.gradients(X, y, sample_weight=weights),
        network.gradients(X[many], y[many]),
        rtol=0,
        atol=100 * eps,
    )
    assert_same_training(
        trained(twin(network), X, y, sample_weight=weights),
        trained(twin(network), X[many], y[many]),
        steps=5,
    )


def test_weights_that_are_all_the_same_are_none(backend, rng):
    network, X, y = problem(rng, 9, "sigmoid", backend=backend)
    expected = trained(twin(network), X, y, batch_size=4)
    for weight in (1, 3.7, 1e-9):
        weighted = trained(twin(network), X, y, batch_size=4, sample_weight=np.full(9, weight))
        assert_same_training(weighted, expected, steps=15)


@pytest.mark.parametrize("weight", [5e-324, 1e-300, 1e300, np.finfo(np.float64).max])
def test_only_the_ratios_of_weights_count(weight, backend, rng):
    network, X, y = problem(rng, 9, "sigmoid", backend=backend)
    weights = rng.integers(1, 4, 9) / 4
    scaled = weights * weight if weight >= 1 else np.full(9, weight)
    expected = weights if weight >= 1 else np.ones(9)
    assert_same_training(
        trained(twin(network), X, y, batch_size=4, sample_weight=scaled),
        trained(twin(network), X, y, batch_size=4, sample_weight=expected),
        steps=15,
    )
    assert network.loss(X, y, sample_weight=scaled) == pytest.approx(
        network.loss(X, y, sample_weight=expected), rel=1e-14
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_mini_batch_is_divided_by_what_its_rows_weigh(dtype, backend, rng):
    network, X, y = problem(rng, 10, "sigmoid", dtype=dtype, backend=backend)
    weights = rng.uniform(0, 5, 10)
    weights[[1, 8]] = 0
    by_hand = twin(network)
    total = 0.0
    for batch in (slice(0, 4), slice(4, 8), slice(8, 10)):
        rows = [(X[i : i + 1], y[i : i + 1], weights[i]) for i in range(10)[batch]]
        total += sum(w * by_hand.loss(x, t) for x, t, w in rows)
        summed = sum(w * by_hand.gradients(x, t) for x, t, w in rows)
        by_hand.parameters -= 0.2 * summed / weights[batch].sum()
    assert_same_training(
        trained(network, X, y, 1, batch_size=4, sample_weight=weights),
        ([total / weights.sum()], by_hand),
        steps=3,
    )


def test_a_mini_batch_that_weighs_nothing_changes_nothing(backend, rng):
    network, X, y = problem(rng, 9, "identity", backend=backend)
    weights = [0, 0, 0, 1, 2, 1, 0, 0, 0]
    middle = slice(3, 6)
    weighted = trained(twin(network), X, y, 3, batch_size=3, sample_weight=weights)
    alone = trained(twin(network), X[middle], y[middle], 3, sample_weight=weights[middle])
    assert_same_training(weighted, alone, steps=3)


def test_a_mini_batch_that_weighs_nothing_still_has_the_penalty(backend, rng):
    network, X, y = problem(rng, 6, "identity", backend=backend, l2=0.5)
    by_hand = twin(network)
    trained(network, X, y, 1, batch_size=3, sample_weight=[0, 0, 0, 1, 1, 1])
    for weights in by_hand.weights:
        weights *= 1 - 0.2 * 0.5
    by_hand.parameters -= 0.2 * by_hand.gradients(X[3:], y[3:])
    np.testing.assert_allclose(network.parameters, by_hand.parameters, rtol=0, atol=1e-14)


# ---------------------------------------------------------------------------- weights of classes

LABELS = np.array([0, 2, 1, 0, 0, 2, 0, 0, 2])
CLASSES = {
    "labels": ("softmax", 3, LABELS),
    "one-hot rows": ("softmax", 3, np.eye(3)[LABELS]),
    "a binary column": ("sigmoid", 1, (LABELS == 2).reshape(-1, 1)),
    "a flat binary column": ("sigmoid", 1, (LABELS == 2) * 1.0),
    # The last two have no rows.
    "absent classes": ("softmax", 5, LABELS),
}


def labels_of(y):
    if np.ndim(y) == 2:
        return y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0].astype(int)
    return y.astype(int)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("given_weight", ["balanced", {0: 2.5, 1: 0}, {1: 3}, {}])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_weights_of_classes_are_those_of_their_rows(name, given_weight, batch_size, backend, rng):
    output, n_out, y = CLASSES[name]
    X = rng.standard_normal((9, 2))
    rows = rng.uniform(0.5, 2, 9)
    labels = labels_of(y)
    expected = compute_sample_weight(
        # scikit-learn wants every class in the dict.
        given_weight if given_weight == "balanced" else {0: 1, 1: 1, 2: 1} | given_weight,
        labels,
    )
    network = NeuralNetwork([2, 4, n_out], output=output, backend=backend, seed=0)
    by_class, by_row, both, product = (twin(network) for _ in range(4))
    assert_same_training(
        trained(by_class, X, y, batch_size=batch_size, class_weight=given_weight),
        trained(by_row, X, y, batch_size=batch_size, sample_weight=expected),
        steps=15,
    )
    options = {"class_weight": given_weight, "sample_weight": rows}
    assert_same_training(
        trained(both, X, y, batch_size=batch_size, **options),
        trained(product, X, y, batch_size=batch_size, sample_weight=expected * rows),
        steps=15,
    )
    assert (np.ptp(expected) > 0.1) == (given_weight != {})
    assert not np.allclose(by_class.parameters, both.parameters, rtol=1e-6)
