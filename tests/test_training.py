"""Runs of many steps: both paths together, mini-batches, and what a run must not depend on."""

import threading

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fastnet import NeuralNetwork, backend, training


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


def test_a_second_architecture_compiles_nothing(rng):
    modules = [backend.load("compiled", name) for name in ("network", "training", "binding")]
    network_module, training_module, binding = modules

    def use(layer_sizes, rows, batch_size):
        for output in ("sigmoid", "softmax"):
            network = NeuralNetwork([*layer_sizes, 3], output=output)
            X = rng.standard_normal((rows, layer_sizes[0]))
            y = rng.integers(0, 3, rows) if output == "softmax" else rng.random((rows, 3))
            for optimizer in (None, "sgd"):
                network.train(X, y, 2, 0.01, False, batch_size=batch_size, optimizer=optimizer)
            network.forward(X)
            network.backward(X, y)
            network.predict(X[0])
            network.loss(X, y)
            network.gradients(X, y)

    def compiled():
        entries = [network_module.predict, network_module.forward, network_module.backward]
        entries += [network_module.loss, training_module.train, training_module.gradient]
        return [len(e.signatures) for e in entries], binding.kernel.cache_info().currsize

    use([4, 5], 20, 6)
    # Numba has a type of its own for arrays that may not be written.
    read_only = rng.random((5, 4))
    read_only.flags.writeable = False
    before = compiled()
    assert all(count >= 1 for count in before[0])
    for shape in range(30):
        depth, rows = 1 + shape % 4, 5 + shape
        use(rng.integers(1, 50, depth).tolist(), rows, None if shape % 3 else 1 + shape % rows)
    NeuralNetwork([4, 2]).train(read_only, read_only[:, :2], 2, verbose=False)
    assert NeuralNetwork([4, 2]).predict(read_only).shape == (5, 2)
    assert compiled() == before


def test_threads_may_share_a_network(rng):
    network = NeuralNetwork([6, 30, 2], seed=0)
    parts = [rng.standard_normal((50 + i, 6)) for i in range(4)]
    expected = [network.predict(X) for X in parts]
    wrong = []

    def predict_often(X, right):
        for _ in range(200):
            if not np.array_equal(network.predict(X), right):
                wrong.append(len(X))

    threads = [
        threading.Thread(target=predict_often, args=pair)
        for pair in zip(parts, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("batch_size", [None, 7, 30, 100])
def test_the_bits_do_not_depend_on_the_slices(batch_size, backend, monkeypatch, rng):
    X, y = rng.standard_normal((30, 3)), rng.random((30, 2))
    results = []
    for seconds in (1e-9, 1e-4, 10.0):
        monkeypatch.setattr(training, "SLICE_SECONDS", seconds)
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
