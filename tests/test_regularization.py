"""What is done to loss, targets, gradient and weights in a step, against steps by hand."""

from itertools import pairwise

import numpy as np
import pytest

from fastnet import NeuralNetwork

RATE = 0.5


def problem(rng, output="identity", dtype="float64", **options):
    network = NeuralNetwork([3, 6, 5, 2], output=output, dtype=dtype, seed=rng, **options)
    X = rng.standard_normal((20, 3))
    return network, X, rng.integers(0, 2, 20) if output == "softmax" else rng.random((20, 2))


def steps_of(network, X, y, epochs, **options):
    """The history, and the parameters after each step, the start included."""
    seen = [network.parameters.copy()]
    history = network.train(
        X,
        y,
        epochs,
        RATE,
        False,
        optimizer="sgd",
        callbacks=lambda network, history: seen.append(network.parameters.copy()),
        **options,
    )
    return history, seen


def close(dtype, steps=1):
    """Sums of dozens of terms of the order of 1; each step adds the roundings of its own."""
    tolerance = 100 * steps * np.finfo(dtype).eps
    return {"rtol": tolerance, "atol": tolerance}


# -------------------------------------------------------------------------------------- penalties


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0), (0, 0.7), (0.3, 0.7)])
def test_penalties_are_on_the_weights_alone(l1, l2, dtype, backend, rng):
    plain, X, y = problem(rng, dtype=dtype, backend=backend)
    network = NeuralNetwork(
        plain.layer_sizes, output="identity", dtype=dtype, backend=backend, l1=l1, l2=l2
    )
    parameters = plain.parameters + 0.1 * rng.standard_normal(plain.parameters.size)
    is_weight = np.zeros(parameters.size, bool)
    for layer in plain._plan.layers:
        is_weight[layer.weights] = True
    assert is_weight.sum() == 3 * 6 + 6 * 5 + 5 * 2
    # At 0 the slope of |w| is taken to be 0.
    parameters[::7] = 0
    plain.parameters = network.parameters = parameters
    w = np.where(is_weight, network.parameters.astype(np.float64), 0)
    value = l1 * np.abs(w).sum() + l2 / 2 * (w**2).sum()
    np.testing.assert_allclose(network.loss(X, y), plain.loss(X, y) + value, **close(dtype))
    np.testing.assert_allclose(
        network.gradients(X, y),
        plain.gradients(X, y) + l1 * np.sign(w) + l2 * w,
        **close(dtype),
    )
    before = network.loss(X, y)
    history, (first, second, _) = steps_of(network, X, y, 2)
    network.parameters = first
    np.testing.assert_allclose(history[0], before, **close(dtype))
    expected = first - RATE * network.gradients(X, y)
    np.testing.assert_allclose(second, expected, **close(dtype))


def test_mini_batches_have_the_whole_penalty_each(backend, rng):
    network, X, y = problem(rng, backend=backend, l1=0.01, l2=0.02)
    by_hand = NeuralNetwork([3, 6, 5, 2], output="identity", backend="reference", l1=0.01, l2=0.02)
    by_hand.parameters = network.parameters
    total = 0.0
    for batch in (slice(0, 8), slice(8, 16), slice(16, 20)):
        total += by_hand.loss(X[batch], y[batch]) * len(X[batch])
        by_hand.parameters -= RATE * by_hand.gradients(X[batch], y[batch])
    history, _ = steps_of(network, X, y, 1, batch_size=8, shuffle=False)
    np.testing.assert_allclose(history, [total / 20], rtol=1e-13)
    np.testing.assert_allclose(network.parameters, by_hand.parameters, **close("float64", 3))


# --------------------------------------------------------------------------------------- max_norm


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_hidden_units_keep_within_the_largest_norm(dtype, backend, rng):
    limit = 0.8
    network, X, y = problem(rng, dtype=dtype, backend=backend, max_norm=limit)
    y = 10 * y
    _, seen = steps_of(network, X, y, 15)
    free = NeuralNetwork([3, 6, 5, 2], output="identity", dtype=dtype, backend=backend, seed=0)
    cut = 0
    for before, after in pairwise(seen):
        free.parameters = before
        free.parameters -= free.parameters.dtype.type(RATE) * free.gradients(X, y)
        for weights in free.weights[:-1]:
            norms = np.sqrt((weights.astype(np.float64) ** 2).sum(axis=0))
            cut += (norms > limit).sum()
            weights *= np.minimum(1, limit / norms)
        # The gradient is as large as the targets.
        tolerance = 10 * close(dtype)["atol"]
        np.testing.assert_allclose(after, free.parameters, rtol=tolerance, atol=tolerance)
        network.parameters = after
        for weights in network.weights[:-1]:
            norms = np.linalg.norm(weights.astype(np.float64), axis=0)
            assert norms.max() <= limit * (1 + 4 * np.finfo(dtype).eps)
    # Some were too long and some were not, and the output's units may be longer.
    assert 0 < cut < 15 * 11
    assert np.linalg.norm(network.weights[-1], axis=0).max() > limit


def test_a_unit_of_no_weights_stays_one(backend):
    network = NeuralNetwork([2, 3, 1], init="zeros", max_norm=1e-3, backend=backend)
    network.train(np.ones((4, 2)), np.ones((4, 1)), 3, 0.5, False)
    assert np.isfinite(network.parameters).all()
    assert not network.weights[0].any()


# --------------------------------------------------------------------------------------- clipping


def clipped(gradient, clip_value=None, clip_norm=None):
    if clip_value:
        gradient = np.clip(gradient, -clip_value, clip_value)
    if clip_norm:
        gradient = gradient * min(1, clip_norm / (np.linalg.norm(gradient) + 1e-6))
    return gradient


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options", [{"clip_value": 0.15}, {"clip_norm": 0.4}, {"clip_value": 0.15, "clip_norm": 0.3}]
)
def test_the_gradient_is_clipped_its_values_first(options, dtype, backend, rng):
    network, X, y = problem(rng, dtype=dtype, backend=backend, l2=0.01)
    by_hand = NeuralNetwork([3, 6, 5, 2], output="identity", dtype=dtype, backend=backend, l2=0.01)
    _, seen = steps_of(network, X, y, 20, **options)
    changed = 0
    for before, after in pairwise(seen):
        by_hand.parameters = before
        gradient = by_hand.gradients(X, y).astype(np.float64)
        step = clipped(gradient, **options)
        np.testing.assert_allclose(after, before - RATE * step, **close(dtype))
        changed += not np.allclose(step, gradient, rtol=1e-3)
    # Large steps at first, small ones at the end.
    assert 0 < changed < 20


# ---------------------------------------------------------------------------------------- average


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("decay", [0.3, 0.99])
def test_the_average_is_of_the_parameters_after_each_step(decay, dtype, backend, rng):
    network, X, y = problem(rng, dtype=dtype, backend=backend)
    history, (start, first, *others) = steps_of(network, X, y, 10, average=decay)
    expected = first.astype(np.float64)
    for parameters in others:
        expected = decay * expected + (1 - decay) * parameters
    np.testing.assert_allclose(network.parameters, expected, **close(dtype, 10))
    assert not np.allclose(network.parameters, others[-1], rtol=1e-3)
    # The steps themselves know nothing of it.
    plain = NeuralNetwork([3, 6, 5, 2], output="identity", dtype=dtype, backend=backend)
    plain.parameters = start
    expected_history, seen = steps_of(plain, X, y, 10)
    assert np.array_equal(seen[1:], [first, *others])
    assert history == expected_history


def test_what_is_measured_is_the_average(backend, rng):
    network, X, y = problem(rng, backend=backend)
    history, (_, *seen) = steps_of(network, X, y, 6, average=0.8, validation=(X, y))
    other = NeuralNetwork([3, 6, 5, 2], output="identity", backend=backend)
    average, losses = seen[0], []
    for parameters in seen:
        average = 0.8 * average + 0.2 * parameters
        other.parameters = average
        losses.append(other.loss(X, y))
    np.testing.assert_allclose(history.validation, losses, rtol=1e-13)


# ------------------------------------------------------------------------------------- smoothing


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("amount", [0.1, 0.9])
@pytest.mark.parametrize("targets", ["labels", "one-hot rows", "probabilities", "binary"])
def test_smoothing_labels_is_training_on_smoothed_targets(targets, amount, dtype, backend, rng):
    output = "sigmoid" if targets == "binary" else "softmax"
    n_out = 2 if targets == "binary" else 5
    X = rng.standard_normal((20, 3))
    labels = rng.integers(0, n_out, 20)
    y = rows = np.eye(n_out)[labels]
    if targets == "labels":
        y = labels
    elif targets == "probabilities":
        y = rows = rng.dirichlet(np.ones(n_out), 20)
    # Two classes for each binary output, five for the softmax.
    smooth = rows * (1 - amount) + amount / (2 if targets == "binary" else 5)
    results = []
    for given, smoothing in ((y, amount), (smooth, 0.0)):
        network = NeuralNetwork([3, 6, n_out], output=output, dtype=dtype, backend=backend, seed=5)
        history = network.train(
            X,
            given,
            4,
            RATE,
            False,
            batch_size=8,
            optimizer="sgd",
            label_smoothing=smoothing,
            sample_weight=np.arange(20),
        )
        results.append((history, network.parameters))
    (losses, parameters), (expected_losses, expected) = results
    np.testing.assert_allclose(losses, expected_losses, **close(dtype, 12))
    np.testing.assert_allclose(parameters, expected, **close(dtype, 12))


def test_only_training_smooths(backend, rng):
    network, X, y = problem(rng, "softmax", backend=backend)
    before = network.loss(X, y)
    measured = []
    history = network.train(
        X,
        y,
        3,
        RATE,
        False,
        label_smoothing=0.5,
        validation=(X, y),
        callbacks=lambda network, history: measured.append(network.loss(X, y)),
    )
    assert history.validation == measured
    assert abs(history[0] - before) > 1e-3
