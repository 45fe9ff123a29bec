"""Training that leaves the finite numbers: how it ends, what it says, and what is left."""

import re

import numpy as np
import pytest

from fastnet import DivergenceWarning, NeuralNetwork
from fastnet.backend import NAMES


def problem(backend, dtype="float64", **options):
    rng = np.random.default_rng(11)
    network = NeuralNetwork(
        [3, 6, 1], output="identity", dtype=dtype, backend=backend, seed=rng, **options
    )
    return network, rng.standard_normal((20, 3)), rng.random((20, 1))


def diverged(network, X, y, epochs, rate, **options):
    """The history, and the text of the one warning."""
    with pytest.warns(DivergenceWarning) as caught:
        history = network.train(X, y, epochs, rate, False, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.stopped_by == "divergence"
    assert np.isfinite(network.parameters).all()
    return history, str(caught[0].message)


def place_of(message):
    """The epoch and the step that the message names."""
    return tuple(map(int, re.search(r"in epoch (\d+), step (\d+);", message).groups()))


@np.errstate(all="ignore")
def first_bad_place(X, y, epochs, rate, batch_size, dtype):
    """The epoch and the step whose loss is no finite number, by hand."""
    network, _, _ = problem("reference", dtype)
    for epoch in range(epochs):
        for step, first in enumerate(range(0, 20, batch_size)):
            batch = slice(first, first + batch_size)
            if not np.isfinite(network.loss(X[batch], y[batch])):
                return epoch, step
            gradient = network.gradients(X[batch], y[batch])
            network.parameters -= network.parameters.dtype.type(rate) * gradient
    raise AssertionError("nothing diverges")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [20, 7])
@pytest.mark.parametrize("rate", [3.0, 1e6])
def test_a_large_rate_is_named_with_epoch_and_step(rate, batch_size, dtype, backend):
    network, X, y = problem(backend, dtype)
    expected = first_bad_place(X, y, 100, rate, batch_size, dtype)
    options = {"batch_size": batch_size, "shuffle": False, "optimizer": "sgd"}
    history, message = diverged(network, X, y, 100, rate, **options)
    assert place_of(message) == expected
    assert len(history) == expected[0]
    assert np.isfinite(history).all()
    assert "the loss became" in message
    assert f"a learning rate that is too large, here {rate:g}" in message
    assert "not scaled" not in message


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_both_paths_stop_at_the_same_step(optimizer, batch_size, dtype):
    places, histories = [], []
    for path in NAMES:
        network, X, y = problem(path, dtype)
        history, message = diverged(
            network, X, y, 200, 5.0, optimizer=optimizer, batch_size=batch_size
        )
        places.append(place_of(message))
        histories.append(history)
    assert places[0] == places[1]
    assert len(histories[0]) == len(histories[1]) == places[0][0] > 0


def test_a_single_large_row_is_met_in_its_batch(backend):
    network, X, y = problem(backend, "float32")
    X[13] *= 1e30
    history, message = diverged(network, X, y, 5, 1e-3, batch_size=4, shuffle=False)
    assert place_of(message) == (0, 3)
    assert history == []


def test_inputs_that_are_not_scaled_are_named(backend):
    network, X, y = problem(backend)
    _, message = diverged(network, 1000 * X, y, 100, 0.01, optimizer="sgd")
    largest = np.abs(1000 * X).max()
    cause = f"inputs that are not scaled, here up to {largest:g}, or a learning rate"
    assert cause in message
    assert "here 0.01" in message


def test_the_rate_that_is_named_is_the_schedule_s(backend):
    network, X, y = problem(backend)
    _, message = diverged(network, X, y, 100, 1e6, schedule="inverse_scaling", optimizer="sgd")
    epoch, _ = place_of(message)
    assert f"here {1e6 / np.sqrt(epoch + 1):g}" in message


def test_weights_that_overflow_in_the_last_step_are_not_kept(backend):
    network, X, y = problem(backend, "float32")
    before = network.parameters.copy()
    # Two batches of which nothing is learned, and one whose loss is the square of 1e18, and its
    # gradient as large: finite numbers, but not the step.
    X[:14], y[:14] = 0, 0
    X[14:] *= 1e18
    options = {"batch_size": 7, "shuffle": False, "optimizer": "sgd"}
    history, message = diverged(network, X, y, 1, 1e4, **options)
    assert len(history) == 1
    assert np.isfinite(history[0])
    assert np.array_equal(network.parameters, before)
    assert "a weight overflowed" in message
    assert place_of(message) == (0, 2)


@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "momentum"}, {"optimizer": "adam", "batch_size": 7}, {"average": 0.9}],
    ids=str,
)
def test_training_can_go_on_afterwards(options, backend):
    network, X, y = problem(backend)
    network.train(X, y, 5, 0.01, False, **options)
    diverged(network, 1e200 * X, y, 5, 0.01, **options)
    losses = [network.loss(X, y)]
    history = network.train(X, y, 30, 0.01, False, **options)
    losses.append(network.loss(X, y))
    assert history.stopped_by == "epochs"
    assert np.isfinite(history).all()
    assert losses[1] < losses[0]


def test_the_best_parameters_are_kept(backend):
    network, X, y = problem(backend)
    seen = []
    history, _ = diverged(
        network,
        X,
        y,
        200,
        3.0,
        optimizer="sgd",
        validation=(X, y),
        callbacks=lambda network, history: seen.append(network.parameters.copy()),
    )
    assert len(history.validation) == len(seen) == len(history)
    assert history.best_epoch == np.argmin(history.validation)
    assert np.array_equal(network.parameters, seen[history.best_epoch])


@np.errstate(all="ignore")
def test_a_warning_that_is_an_error_leaves_a_whole_network(backend):
    network, X, y = problem(backend)
    seen = []
    with pytest.raises(DivergenceWarning):
        network.train(
            X,
            y,
            200,
            3.0,
            False,
            optimizer="sgd",
            validation=(X, y),
            callbacks=lambda network, history: seen.append(network.parameters.copy()),
        )
    losses = []
    final = network.parameters.copy()
    for parameters in seen:
        network.parameters = parameters
        losses.append(network.loss(X, y))
    assert np.array_equal(final, seen[np.nanargmin(losses)])


def test_nothing_is_said_where_all_is_well(backend):
    network, X, y = problem(backend)
    network.train(100 * X, y, 20, 1e-6, verbose=False)
    network.train(X, y, 20, 0.01, False, batch_size=3, optimizer="adam")


def test_an_empty_training_of_parameters_that_are_no_numbers(backend):
    network, X, y = problem(backend)
    network.parameters[:] = np.nan
    with pytest.warns(DivergenceWarning, match="the loss became nan in epoch 0, step 0"):
        assert network.train(X, y, 3, 0.1, verbose=False) == []
