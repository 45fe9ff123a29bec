"""NeuralNetwork against the plain class that it replaces, on both backends."""

import itertools

import numpy as np
import pytest

from fastnet import NeuralNetwork
from fastnet.training import loop

from .plain import PlainNetwork

SHAPES = ([2, 4, 1], [1, 1], [3, 17, 5, 2], [5, 33, 1], [64, 32, 10], [7, 8, 9, 16, 3])


def pair(layer_sizes, backend, seed=3):
    np.random.seed(seed)
    plain = PlainNetwork(layer_sizes)
    np.random.seed(seed)
    return plain, NeuralNetwork(layer_sizes, backend=backend)


def assert_parameters_agree(network, plain, roundings):
    for ours, theirs in zip(
        [*network.weights, *network.biases], [*plain.weights, *plain.biases], strict=True
    ):
        scale = np.abs(theirs).max()
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=roundings * 2.2e-16 * scale)


@pytest.mark.parametrize("layer_sizes", SHAPES)
def test_initial_weights_have_the_same_bits(layer_sizes, backend):
    plain, network = pair(layer_sizes, backend)
    for ours, theirs in zip(network.weights, plain.weights, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()
    for ours, theirs in zip(network.biases, plain.biases, strict=True):
        assert ours.shape == theirs.shape
        assert not ours.any()
    # Both drew as much from the global generator.
    state = np.random.get_state()[1].copy()
    np.random.seed(3)
    PlainNetwork(layer_sizes)
    assert np.array_equal(state, np.random.get_state()[1])


@pytest.mark.parametrize("layer_sizes", SHAPES)
def test_forward_keeps_what_the_plain_class_keeps(layer_sizes, backend, rng):
    plain, network = pair(layer_sizes, backend)
    X = rng.standard_normal((13, layer_sizes[0]))
    # Sums of up to 65 terms of size 1 to 10, layer after layer.
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(network.forward(X), plain.forward(X), **close)
    for ours, theirs in (
        (network.activations, plain.activations),
        (network.layer_inputs, plain.layer_inputs),
    ):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, **close)


@pytest.mark.parametrize("layer_sizes", SHAPES)
def test_backward_updates_each_layer_before_delta_passes(layer_sizes, backend, rng):
    plain, network = pair(layer_sizes, backend)
    X = rng.standard_normal((9, layer_sizes[0]))
    y = rng.integers(0, 2, (9, layer_sizes[-1]))
    for _ in range(5):
        plain.forward(X)
        network.forward(X)
        plain.backward(X, y, learning_rate=0.1)
        network.backward(X, y, learning_rate=0.1)
    assert_parameters_agree(network, plain, roundings=5000)


def test_backward_starts_from_the_output_that_was_kept(backend, xor):
    X, y = xor
    _, network = pair([2, 4, 1], backend)
    before = network.parameters.copy()
    network.forward(X)
    network.activations[-1][:] = y
    network.backward(X, y)
    assert np.array_equal(network.parameters, before)
    network.activations[-1] = y + 1.0
    network.backward(X, y, learning_rate=0.5)
    assert network.biases[-1][0, 0] == -0.5


def test_the_updated_weights_make_a_difference_that_the_test_above_can_see(rng):
    plain, network = pair([3, 17, 5, 2], "reference")
    X, y = rng.standard_normal((9, 3)), rng.integers(0, 2, (9, 2))
    plain.train(X, y, 1, 0.7, verbose=False)
    # The exact gradient is of the mean over both outputs, the plain class's of their sum.
    network.train(X, y, 1, 1.4, verbose=False, optimizer="sgd")
    np.testing.assert_allclose(network.weights[-1], plain.weights[-1], rtol=1e-12)
    assert np.abs(network.weights[0] - plain.weights[0]).max() > 1e-4


@pytest.mark.parametrize("layer_sizes", SHAPES)
def test_train_gives_the_same_losses(layer_sizes, backend, rng):
    plain, network = pair(layer_sizes, backend)
    X = rng.standard_normal((21, layer_sizes[0]))
    y = rng.integers(0, 2, (21, layer_sizes[-1]))
    expected = plain.train(X, y, epochs=200, learning_rate=0.05, verbose=False)
    losses = network.train(X, y, epochs=200, learning_rate=0.05, verbose=False)
    assert isinstance(losses, list)
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    assert losses[-1] < losses[0]


def test_xor_for_5000_epochs(backend, xor):
    X, y = xor
    plain, network = pair([2, 4, 1], backend, seed=0)
    expected = plain.train(X, y, epochs=5000, learning_rate=0.5, verbose=False)
    losses = network.train(X, y, epochs=5000, learning_rate=0.5, verbose=False)
    np.testing.assert_allclose(losses, expected, rtol=1e-8)
    np.testing.assert_allclose(network.predict(X), plain.predict(X), rtol=1e-8)
    assert np.array_equal(np.round(network.predict(X)), y)


def test_verbose_prints_every_hundredth_epoch(backend, xor, capsys):
    X, y = xor
    plain, network = pair([2, 4, 1], backend)
    network.train(X, y, epochs=201)
    ours = capsys.readouterr().out
    plain.train(X, y, epochs=201)
    assert ours == capsys.readouterr().out
    assert ours.count("\n") == 3


def test_a_target_vector_is_a_column(backend, xor):
    X, y = xor
    _, column = pair([2, 4, 1], backend)
    _, vector = pair([2, 4, 1], backend)
    assert column.train(X, y, 50, verbose=False) == vector.train(X, y.ravel(), 50, verbose=False)


def test_activation_functions_on_any_shape_and_on_scalars():
    plain, network = PlainNetwork([1, 1]), NeuralNetwork([1, 1], backend="reference")
    values = np.array([[-1e4, -500.0, -1.5, -0.0], [0.0, 0.5, 500.0, 1e4]])
    for x in (values, values[0, 2], values.astype(int), 3, 0, -2.5, values[:, :, None]):
        for name in ("sigmoid", "relu", "relu_derivative"):
            ours, theirs = getattr(network, name)(x), getattr(plain, name)(np.asarray(x))
            np.testing.assert_allclose(ours, theirs, rtol=1e-15)
            assert np.shape(ours) == np.shape(x)
        s = plain.sigmoid(np.asarray(x))
        np.testing.assert_allclose(network.sigmoid_derivative(x), s * (1 - s), rtol=1e-15)
    assert network.relu_derivative(0) == 0
    assert network.relu_derivative(np.array([1])).dtype == np.float64


def test_a_seed_takes_the_place_of_the_global_generator(backend):
    state = np.random.get_state()[1].copy()
    first = NeuralNetwork([3, 4, 2], backend=backend, seed=7)
    second = NeuralNetwork([3, 4, 2], backend=backend, seed=np.random.default_rng(7))
    assert np.array_equal(first.parameters, second.parameters)
    assert first.parameters.any()
    assert np.array_equal(state, np.random.get_state()[1])
    other = NeuralNetwork([3, 4, 2], backend=backend, seed=8)
    assert not np.array_equal(first.parameters, other.parameters)


def many_rows(rng):
    """More than the compiled path works on together: five chunks, the last of them short."""
    X = rng.standard_normal((600, 30))
    return X, rng.integers(0, 2, (600, 2))


@pytest.mark.parametrize("batch_size", [None, 250])
def test_a_batch_of_many_rows(batch_size, backend, rng):
    """Bit for bit the same in slices of one chunk each, and as the plain class has it."""
    X, y = many_rows(rng)
    plain, network = pair([30, 300, 20, 2], backend)
    losses = network.train(X, y, 6, 0.01, False, batch_size=batch_size, shuffle=False)
    if batch_size is None:
        np.testing.assert_allclose(losses, plain.train(X, y, 6, 0.01, verbose=False), rtol=1e-9)
        assert_parameters_agree(network, plain, roundings=5000)
    _, sliced = pair([30, 300, 20, 2], backend)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SLICE_SECONDS", 0)
        again = sliced.train(X, y, 6, 0.01, False, batch_size=batch_size, shuffle=False)
    assert list(again) == list(losses)
    assert np.array_equal(sliced.parameters, network.parameters)


def test_no_half_of_a_step_is_left(rng, monkeypatch):
    """Wherever training stops: layers are updated one after the other, and all or none."""
    X, y = many_rows(rng)
    _, network = pair([30, 300, 20, 2], "compiled")
    after = [network.parameters.copy()]
    for _ in range(3):
        network.train(X, y, 1, 0.01, False)
        after.append(network.parameters.copy())
    clock = itertools.count()
    monkeypatch.setattr(loop, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(loop, "SLICE_SECONDS", 0)
    stops = []
    while not stops or stops[-1] < 3:
        _, network = pair([30, 300, 20, 2], "compiled")
        history = network.train(X, y, 3, 0.01, False, max_seconds=1 + 7 * len(stops))
        assert np.array_equal(network.parameters, after[len(history)])
        stops.append(len(history))
        network.train(X, y, 3 - len(history), 0.01, False)
        assert np.array_equal(network.parameters, after[3])
    # In each of the steps more than once, so not only at their ends.
    assert all(stops.count(step) > 1 for step in range(3))
