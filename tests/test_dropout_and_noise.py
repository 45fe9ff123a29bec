"""What is random in a training step: units that are left out, and noise on the inputs.

A network is built whose weights after a step are the masks, or the noise, themselves.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

from fastnet import NeuralNetwork, backend

# A power of 2, so that the arithmetic around the masks is exact.
ROWS = 64


def factors_of_steps(units, steps, *, rates, value=1.0, seed=0, epochs_a_call=None, **options):
    """What each row's units were multiplied by, or the noise added to 0: (steps, units, rows).

    One output for each row, whose target is 1 for that row and 0 for the others. While the last
    weights are 0, so are the outputs, and the gradient of the weight from unit i to output r is
    -2 / rows^2 times what unit i of row r is: with this learning rate a step writes the units.
    """
    hidden = [] if len(rates) == 1 else [units]
    network = NeuralNetwork(
        [units, *hidden, ROWS],
        hidden="identity",
        output="identity",
        init=[*(np.eye(units) for _ in hidden), "zeros"],
        dropout=rates,
        seed=seed,
        **{"dtype": "float64"} | options,
    )
    seen = []

    def note(network, history):
        seen.append(network.weights[-1].copy())
        start = np.zeros(network.parameters.size, network.dtype)
        if hidden:
            start[: units * units] = np.eye(units).ravel()
        network.parameters = start

    X = np.full((ROWS, units), value)
    noise = 1.0 if value == 0 else 0.0
    for _ in range(0, steps, epochs_a_call or steps):
        network.train(
            X,
            np.eye(ROWS),
            epochs_a_call or steps,
            ROWS**2 / 2,
            False,
            optimizer="sgd",
            input_noise=noise,
            callbacks=note,
        )
    assert np.array_equal(X, np.full((ROWS, units), value))
    return np.array(seen)


def assert_is_about(count, trials, chance):
    assert abs(count - trials * chance) < 5 * np.sqrt(trials * chance * (1 - chance))


@pytest.mark.parametrize("rates", [[0.3], [0.0, 0.75], [0.1, 0.0]], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_rate_is_right_and_what_is_left_is_scaled_up(rates, dtype, backend):
    rate = max(rates)
    masks = factors_of_steps(50, 3, rates=rates, dtype=dtype, backend=backend)
    assert set(np.unique(masks)) == {0, np.dtype(dtype).type(1 / (1 - rate))}
    dropped = masks == 0
    for part in (dropped, dropped[0], dropped[2], dropped[:, :, ::2], dropped[:, ::2]):
        assert_is_about(part.sum(), part.size, rate)


@pytest.mark.parametrize("rate", [1e-3, 0.5, 0.999])
def test_steps_rows_and_units_are_independent(rate, backend):
    dropped = factors_of_steps(40, 3, rates=[rate], backend=backend) == 0
    for one, other in itertools.combinations(dropped, 2):
        assert_is_about((one & other).sum(), one.size, rate**2)
    for one, other in ((dropped[:, 1:], dropped[:, :-1]), (dropped[..., 1:], dropped[..., :-1])):
        # Neighbours share a unit, so the pairs are not quite independent of each other.
        assert_is_about((one & other)[..., ::2, ::2].sum(), one[..., ::2, ::2].size, rate**2)


def test_layers_are_independent(backend):
    masks = factors_of_steps(50, 2, rates=[0.5, 0.5], backend=backend)
    # Through identities the masks are multiplied.
    assert set(np.unique(masks)) == {0, 4}
    assert_is_about((masks > 0).sum(), masks.size, 0.25)


def test_both_paths_leave_out_the_same_units():
    for rates in ([0.3], [0.2, 0.6]):
        one, other = (factors_of_steps(37, 3, rates=rates, backend=path) for path in backend.NAMES)
        assert np.array_equal(one, other)


def test_one_number_is_for_the_hidden_layers_alone(backend, rng):
    X, y = rng.standard_normal((20, 3)), rng.random((20, 2))

    def parameters(sizes, dropout):
        network = NeuralNetwork(sizes, dropout=dropout, backend=backend, seed=0)
        network.train(X, y, 3, 0.5, False, optimizer="sgd")
        return network.parameters

    assert np.array_equal(parameters([3, 2], 0.5), parameters([3, 2], 0))
    assert np.array_equal(parameters([3, 6, 5, 2], 0.5), parameters([3, 6, 5, 2], [0, 0.5, 0.5]))
    assert not np.array_equal(parameters([3, 6, 5, 2], 0.5), parameters([3, 6, 5, 2], [0.5] * 3))


def test_nothing_is_left_out_where_nothing_is_trained(backend, rng):
    X, y = rng.standard_normal((20, 3)), rng.random((20, 2))
    plain, dropping = (
        NeuralNetwork([3, 8, 8, 2], dropout=rate, backend=backend, seed=0)
        for rate in (0, [0.5, 0.9, 0.5])
    )
    for method in ("predict", "forward"):
        assert np.array_equal(getattr(dropping, method)(X), getattr(plain, method)(X))
    assert dropping.loss(X, y) == plain.loss(X, y)
    assert np.array_equal(dropping.gradients(X, y), plain.gradients(X, y))
    measured = []
    history = dropping.train(
        X,
        y,
        3,
        0.5,
        False,
        input_noise=1.0,
        validation=(X, y),
        callbacks=lambda network, history: measured.append(network.loss(X, y)),
    )
    assert history.validation == measured
    assert not np.allclose(history, measured, rtol=1e-3)


# ----------------------------------------------------------------------------------------- noise


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_noise_is_standard_normal(dtype, backend):
    noise = factors_of_steps(500, 2, rates=[0.0], value=0.0, dtype=dtype, backend=backend)
    for part in (noise[0], noise[1], noise[:, 1::2], noise[:, ::2], noise[..., 3]):
        n = part.size
        assert abs(part.mean()) < 5 / np.sqrt(n)
        assert abs(part.var() - 1) < 5 * np.sqrt(2 / n)
        assert stats.kstest(part.ravel(), "norm").pvalue > 1e-6
    # Steps, units and rows are uncorrelated; the product of two has variance 1.
    pairs = [(noise[0], noise[1]), (noise[:, 1:], noise[:, :-1]), (noise[..., 1:], noise[..., :-1])]
    for one, other in pairs:
        assert abs((one * other).mean()) < 5 / np.sqrt(one.size)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_paths_add_the_same_noise(dtype):
    one, other = (
        factors_of_steps(37, 3, rates=[0.0], value=0.0, dtype=dtype, backend=path)
        for path in backend.NAMES
    )
    # An angle of up to a turn is rounded before its cosine is taken, and no radius is above 9.
    angle = 9 * 2 * np.pi * np.finfo(np.float64).eps
    np.testing.assert_allclose(one, other, rtol=4 * np.finfo(dtype).eps, atol=angle)


def test_noise_is_scaled_and_added(backend, rng):
    X, y = rng.standard_normal((1000, 30)), np.zeros((1000, 1))

    def loss(deviation):
        network = NeuralNetwork([30, 1], output="identity", backend=backend, seed=0)
        weights = network.weights[0].copy()
        history = network.train(X, y, 1, 0.0, False, input_noise=deviation, optimizer="sgd")
        return history[0], weights

    for deviation in (0.1, 3.0):
        noisy, weights = loss(deviation)
        products = X @ weights
        spread = deviation * np.sqrt((weights**2).sum())
        # The mean of (x w + noise)^2: variances of (2 x w noise) and of noise^2.
        error = np.sqrt(4 * (products**2).mean() * spread**2 + 2 * spread**4) / np.sqrt(1000)
        assert abs(noisy - (products**2).mean() - spread**2) < 5 * error


# -------------------------------------------------------- what the randomness must not depend on


@pytest.mark.parametrize("value", [1.0, 0.0], ids=["dropout", "noise"])
def test_neither_chunks_nor_calls_matter(value, monkeypatch):
    options = {"rates": [0.5, 0.25] if value else [0.0], "value": value, "backend": "compiled"}
    expected = factors_of_steps(30, 4, **options)
    assert np.array_equal(factors_of_steps(30, 4, epochs_a_call=1, **options), expected)
    program = backend.load("compiled", "program")
    monkeypatch.setattr(program, "CHUNK_PANELS", 1)
    monkeypatch.setattr(program, "CHUNK_BYTES", 1)
    assert np.array_equal(factors_of_steps(30, 4, **options), expected)


@pytest.mark.parametrize(("rate", "noise"), [(0.5, 0.0), (0.0, 1.0), (0.5, 1.0)])
def test_a_batch_of_all_rows_is_as_random_in_each_step(rate, noise, backend, rng):
    X, y = rng.standard_normal((20, 3)), rng.random((20, 1))
    runs = []
    for epochs in (30, 1):
        network = NeuralNetwork([3, 5, 1], dropout=[rate, 0.0], backend=backend, seed=0)
        losses = []
        for _ in range(0, 30, epochs):
            # Many steps between two looks of Python's, or one.
            losses += network.train(X, y, epochs, 0.0, False, optimizer="sgd", input_noise=noise)
        runs.append(losses)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 30


@pytest.mark.parametrize("value", [1.0, 0.0], ids=["dropout", "noise"])
def test_the_seed_decides(value, backend):
    options = {"rates": [0.5] if value else [0.0], "value": value, "backend": backend}
    first, again, other = (factors_of_steps(20, 2, seed=seed, **options) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.4


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_paths_stay_together(dtype, rng):
    X, y = rng.standard_normal((100, 4)), rng.integers(0, 3, 100)
    runs = []
    for path in backend.NAMES:
        network = NeuralNetwork(
            [4, 30, 20, 3],
            hidden="tanh",
            output="softmax",
            dropout=[0.1, 0.5, 0.3],
            dtype=dtype,
            backend=path,
            seed=3,
        )
        losses = network.train(
            X, y, 20, 0.1, False, batch_size=32, input_noise=0.2, sample_weight=np.arange(100)
        )
        runs.append((losses, network.parameters))
    # 80 steps, whose roundings are those of sums of a hundred numbers of the order of 1.
    tolerance = 80 * 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=tolerance)
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=0, atol=tolerance)
