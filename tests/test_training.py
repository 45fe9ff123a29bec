"""Runs of many steps: both paths together, mini-batches, and what a run must not depend on."""

import contextlib
from collections import Counter

import numba
import numpy as np
import pytest
from numba.core import event
from sklearn.datasets import load_digits

from fastnet import Activation, NeuralNetwork, backend
from fastnet.kernels import catalog
from fastnet.training import loop

from .combinations import CROSS_ENTROPIES, LOSSES, OPTIMIZERS, SCHEDULES
from .conftest import wrong_in_threads


def spirals(rng, rows=300):
    """Two classes that take a hidden layer to part."""
    labels = rng.integers(0, 2, rows)
    angle = rng.uniform(0, 2 * np.pi, rows)
    radius = angle / 6 + 0.1
    phase = angle + np.pi * labels
    X = np.stack([radius * np.cos(phase), radius * np.sin(phase)], axis=1)
    return X, labels


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_thousand_steps_stay_together(output, optimizer, rng):
    X, labels = spirals(rng)
    runs = []
    for path in ("reference", "compiled"):
        n_out = 2 if output == "softmax" else 1
        network = NeuralNetwork([2, 20, 10, n_out], output=output, backend=path, seed=1)
        losses = network.train(
            X, labels, 100, 0.05, verbose=False, batch_size=32, optimizer=optimizer
        )
        runs.append((losses, network.parameters))
    np.testing.assert_allclose(runs[1][0], runs[0][0], rtol=1e-9)
    np.testing.assert_allclose(runs[1][1], runs[0][1], rtol=0, atol=1e-9)
    assert runs[0][0][-1] < 0.9 * runs[0][0][0]


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 31, 33, 64])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_the_short_last_batch_has_its_own_mean(rows, batch_size, backend, rng):
    X, y = rng.standard_normal((rows, 3)), rng.random((rows, 2))
    network = NeuralNetwork([3, 5, 2], backend=backend, seed=0)
    losses = network.train(
        X, y, 2, 0.1, False, batch_size=batch_size, shuffle=False, optimizer="sgd"
    )
    by_hand = NeuralNetwork([3, 5, 2], backend="reference", seed=0)
    expected = []
    for _ in range(2):
        total = 0
        for first in range(0, rows, batch_size):
            batch = slice(first, first + batch_size)
            total += by_hand.loss(X[batch], y[batch]) * len(X[batch])
            by_hand.parameters -= 0.1 * by_hand.gradients(X[batch], y[batch])
        expected.append(total / rows)
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    np.testing.assert_allclose(network.parameters, by_hand.parameters, rtol=0, atol=1e-13)


def test_shuffling_is_a_fresh_permutation_each_epoch():
    for path in ("reference", "compiled"):
        seen = []
        for epoch in range(200):
            order = np.full(10, -1)
            shuffle(path, 12345, epoch, order)
            assert sorted(order) == list(range(10))
            seen.append(tuple(order))
        assert len(set(seen)) == 200
        first_places = np.bincount([order[0] for order in seen], minlength=10)
        # Each of 10 rows comes first in 20 of 200 epochs, give or take 5 standard deviations.
        assert abs(first_places - 20).max() < 5 * np.sqrt(18)


def shuffle(path, key, epoch, order):
    if path == "reference":
        backend.load("reference", "shuffling").shuffle(key, epoch, order)
    else:
        run, finish = backend.load("compiled", "rows").prepare("shuffle", key, epoch, order)
        run()
        finish()


def test_each_seed_and_each_call_has_an_order_of_its_own(backend, rng):
    X, y = rng.standard_normal((50, 3)), rng.random((50, 1))

    def losses(seed, calls=1):
        network = NeuralNetwork([3, 4, 1], backend=backend, seed=0)
        network._rng = np.random.default_rng(seed)
        return [network.train(X, y, 1, 0.0, False, batch_size=7)[0] for _ in range(calls)]

    def final(seed, shuffle=True):
        network = NeuralNetwork([3, 4, 1], backend=backend, seed=0)
        network._rng = np.random.default_rng(seed)
        network.train(X, y, 3, 0.5, False, batch_size=7, shuffle=shuffle)
        return network.parameters.copy()

    # With a learning rate of 0 the order cannot matter but for rounding.
    assert losses(1, calls=2) == pytest.approx(losses(2, calls=2), rel=1e-13)
    assert np.array_equal(final(1), final(1))
    assert not np.array_equal(final(1), final(2))
    assert np.array_equal(final(1, shuffle=False), final(2, shuffle=False))


def test_a_row_has_the_same_bits_alone_and_in_any_batch(rng):
    for dtype in ("float64", "float32"):
        for output, sizes in (("sigmoid", [5, 33, 7, 1]), ("softmax", [5, 12, 10])):
            network = NeuralNetwork(sizes, output=output, dtype=dtype, seed=0)
            X = 3 * rng.standard_normal((700, 5))
            whole = network.predict(X)
            assert np.array_equal(network.forward(X), whole)
            for row in (0, 1, 15, 16, 31, 32, 255, 256, 699):
                assert np.array_equal(network.predict(X[row]), whole[row : row + 1])
                assert np.array_equal(network.forward(X[row]), whole[row : row + 1])
            for rows in (2, 8, 9, 16, 17, 33, 257):
                first = rng.integers(0, 700 - rows)
                part = slice(first, first + rows)
                assert np.array_equal(network.predict(X[part]), whole[part])
                assert np.array_equal(network.forward(X[part]), whole[part])


def test_the_gradient_does_not_depend_on_the_size_of_chunks(monkeypatch, rng):
    program = backend.load("compiled", "program")
    network = NeuralNetwork([5, 9, 3], seed=0)
    X, y = rng.standard_normal((1000, 5)), rng.random((1000, 3))
    gradient, loss, prediction = network.gradients(X, y), network.loss(X, y), network.predict(X)
    monkeypatch.setattr(program, "CHUNK_PANELS", 1)
    monkeypatch.setattr(program, "CHUNK_BYTES", 1)
    assert np.array_equal(network.gradients(X, y), gradient)
    assert np.array_equal(network.predict(X), prediction)
    assert network.loss(X, y) == pytest.approx(loss, rel=1e-14)


SOURCES = ("bool", "uint8", "int64", "float32", "float64")


class Compilations(event.Listener):
    """Counts what Numba compiles, and besides what it loads from the cache folder instead.

    For both it takes its lock; nothing that has once run in a process asks for it again.
    """

    KINDS = ("numba:compile", "numba:compiler_lock")

    def __init__(self):
        self.counts = Counter()

    def on_start(self, event):
        self.counts[event.kind] += 1

    def on_end(self, event):
        pass

    @classmethod
    @contextlib.contextmanager
    def counted(cls):
        listener = cls()
        with contextlib.ExitStack() as stack:
            for kind in cls.KINDS:
                stack.enter_context(event.install_listener(kind, listener))
            yield listener.counts


def use(layer_sizes, rows=20, loss="cross_entropy/softmax", source="float64", **arguments):
    """Call everything of a network that computes; `arguments` are its own and those of `train`."""
    loss, output = loss.split("/")
    rng = np.random.default_rng(rows)
    of_network = {
        name: arguments.pop(name)
        for name in ("hidden", "dropout", "l1", "l2", "max_norm", "dtype")
        if name in arguments
    }
    n_in, n_out = layer_sizes[0], layer_sizes[-1]
    network = NeuralNetwork(
        layer_sizes, loss=loss, output=output, init="lecun_normal", seed=rng, **of_network
    )
    X = rng.integers(0, 2, (rows, n_in)).astype(source)
    labels = rng.integers(0, n_out, rows)
    # Of one-hot rows every loss knows what to make.
    for y in (np.eye(n_out, dtype=source)[labels], labels)[: 1 + (output == "softmax")]:
        network.reset_training()
        network.train(X, y, 2, 1e-3, False, **arguments)
        network.predict(X[0])
        network.predict(X)
        network.forward(X)
        network.loss(X, y, sample_weight=np.ones(rows))
        network.gradients(X, y)
        network.value_and_gradient(network.parameters, X, y)
    is_plain = not {"dropout", "l1", "l2", "max_norm"} & of_network.keys()
    if is_plain and f"{loss}/{output}" in CROSS_ENTROPIES:
        network.backward(X, y)


def use_every_option(dtype):
    sizes = [4, 6, 5, 3]
    use(
        sizes,
        dtype=dtype,
        dropout=[0.1, 0.1, 0.1],
        l1=0.01,
        l2=0.01,
        max_norm=1.0,
        batch_size=7,
        optimizer="adam",
        schedule="cosine",
        sample_weight=np.ones(20),
        class_weight="balanced",
        label_smoothing=0.1,
        clip_norm=1.0,
        clip_value=1.0,
        average=0.9,
        input_noise=0.1,
        validation=0.25,
        monitor="accuracy",
        patience=1,
    )
    for hidden in catalog.HIDDEN_ACTIVATIONS:
        use(sizes, dtype=dtype, hidden=hidden)
    for loss in LOSSES:
        use(sizes, dtype=dtype, loss=loss)
    for optimizer in OPTIMIZERS.values():
        use(sizes, dtype=dtype, optimizer=optimizer)
    for schedule in SCHEDULES.values():
        use(sizes, dtype=dtype, schedule=schedule(2))
    for source in SOURCES:
        use(sizes, dtype=dtype, source=source)


def further_network(number, dtype):
    """Arguments of `use`, which other numbers share few of, and `use_every_option` fewer."""
    rng = np.random.default_rng(number)
    depth, rows = number % 5, 5 + 2 * number
    loss = LOSSES[number % len(LOSSES)]
    optimizer = list(OPTIMIZERS.values())[number % len(OPTIMIZERS)]
    takes_all_rows = optimizer is not None and optimizer.full_batch
    arguments = {
        "layer_sizes": [*rng.integers(1, 50, 1 + depth).tolist(), int(rng.integers(2, 12))],
        "rows": rows,
        "loss": loss,
        "source": SOURCES[number % len(SOURCES)],
        "dtype": dtype,
        "hidden": rng.choice(catalog.HIDDEN_ACTIVATIONS, depth).tolist(),
        "optimizer": optimizer,
        "schedule": list(SCHEDULES.values())[number % len(SCHEDULES)](2),
        "batch_size": None if takes_all_rows else 2 + number % rows,
    }
    others = {
        "dropout": [0.2] * (1 + depth),
        "l1": 0.001,
        "l2": 0.001,
        "max_norm": 2.0,
        "sample_weight": rng.random(rows),
        "clip_norm": 0.5,
        "clip_value": 0.5,
        "average": 0.5,
        "input_noise": 0.2,
        "validation": 0.3,
    }
    if takes_all_rows:
        del others["validation"]
    if loss in CROSS_ENTROPIES:
        others["label_smoothing"] = 0.2
    chosen = rng.choice(list(others), rng.integers(len(others)), replace=False)
    return arguments | {name: others[name] for name in chosen}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_second_architecture_compiles_nothing(dtype):
    """After every option was used once, networks that have nothing in common compile nothing."""
    kernel = backend.load("compiled", "binding").kernel
    use_every_option(dtype)
    kernels = kernel.cache_info().currsize
    with Compilations.counted() as counts:
        for number in range(30):
            use(**further_network(number, dtype))
        # Numba has types of their own for arrays that are read-only, strided or by columns.
        values = np.random.default_rng(0).random((8, 6))
        read_only = values[:, :4].copy()
        read_only.flags.writeable = False
        for X in (values[:, :4], values[::2, ::-2], np.asfortranarray(values), read_only):
            y = X[:, :2]
            network = NeuralNetwork([X.shape[1], 3, 2], dtype=dtype)
            network.train(X, y, 2, verbose=False)
            network.predict(X)
            network.gradients(X, y)
            network.forward(X)
            network.backward(X, y)
    assert not counts
    assert kernel.cache_info().currsize == kernels

    def square(z):
        return z * z

    def twice(z):
        return 2 * z

    own = Activation("square", square, twice, numba.njit(square), numba.njit(twice))
    with Compilations.counted() as counts:
        use([4, 3, 2], dtype=dtype, hidden=own)
    assert all(counts[kind] for kind in Compilations.KINDS)
    assert kernel.cache_info().currsize == kernels + 2


def test_parameters_that_are_read_only_compile_nothing(rng):
    """As those that other libraries hand to `value_and_gradient`."""
    network = NeuralNetwork([3, 4, 2], seed=0)
    data = rng.standard_normal((5, 3)), rng.random((5, 2))
    expected = network.value_and_gradient(network.parameters, *data)
    parameters = network.parameters.copy()
    parameters.flags.writeable = False
    with Compilations.counted() as counts:
        value, gradient = network.value_and_gradient(parameters, *data)
    assert not counts
    assert value == expected[0]
    assert np.array_equal(gradient, expected[1])


def test_threads_may_share_a_network(rng):
    network = NeuralNetwork([6, 30, 2], seed=0)
    parts = [rng.standard_normal((50 + i, 6)) for i in range(4)]
    expected = [network.predict(X) for X in parts]
    assert not wrong_in_threads(network, parts, expected)


@pytest.mark.parametrize("batch_size", [None, 7, 30, 100])
def test_the_bits_do_not_depend_on_the_slices(batch_size, backend, monkeypatch, rng):
    X, y = rng.standard_normal((30, 3)), rng.random((30, 2))
    results = []
    for seconds in (1e-9, 1e-4, 10.0):
        monkeypatch.setattr(loop, "SLICE_SECONDS", seconds)
        network = NeuralNetwork([3, 6, 2], backend=backend, seed=0)
        losses = network.train(X, y, 40, 0.5, False, batch_size=batch_size)
        results.append((losses, network.parameters.tolist()))
    assert results[0] == results[1] == results[2]


def test_digits_are_learned_on_both_paths():
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    X, y = digits.data[order] / 16, digits.target[order]
    for path in ("reference", "compiled"):
        network = NeuralNetwork(
            [64, 32, 10], output="softmax", dtype="float32", seed=0, backend=path
        )
        network.train(X[:1437], y[:1437], 15, 0.2, False, batch_size=32, optimizer="sgd")
        accuracy = (network.predict(X[1437:]).argmax(axis=1) == y[1437:]).mean()
        assert accuracy > 0.95
