"""Where losses are least: means, medians and quantiles, alone and of a distribution."""

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import mean_pinball_loss

from fastnet import Huber, NeuralNetwork, Quantile, schedules

# Skewed, so that mean, median and what lies between differ; an odd number of rows has one median.
ROWS = np.random.default_rng(4).exponential(2.0, 101)


def learned_constant(loss, backend, dtype="float64", output=None, **options):
    """What a network predicts that has learned from inputs that say nothing."""
    network = NeuralNetwork([1, 1], loss=loss, output=output, dtype=dtype, backend=backend, seed=0)
    X = np.zeros((len(ROWS), 1))
    network.train(X, ROWS, 3000, verbose=False, **options)
    (prediction,) = np.unique(network.predict(X))
    return float(prediction)


def huber_minimum(delta):
    """Where the clipped errors sum to 0."""
    return optimize.brentq(lambda m: np.clip(m - ROWS, -delta, delta).sum(), 0, 20, xtol=1e-13)


SMOOTH = {
    "mse": ({"loss": "mse"}, ROWS.mean()),
    "huber of 1": ({"loss": "huber"}, huber_minimum(1.0)),
    "small huber": ({"loss": Huber(0.2)}, huber_minimum(0.2)),
    "large huber": ({"loss": Huber(1e3)}, ROWS.mean()),
    "rate of poisson": ({"loss": "poisson"}, ROWS.mean()),
    "its logarithm": ({"loss": "poisson", "output": "identity"}, np.log(ROWS.mean())),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_losses_of_means(name, dtype, backend):
    options, minimum = SMOOTH[name]
    learned = learned_constant(**options, dtype=dtype, backend=backend, learning_rate=0.2)
    # The step at the end is the gradient's rounding; the curvature of small huber is 0.1.
    assert learned == pytest.approx(minimum, rel=1000 * float(np.finfo(dtype).eps))


KINKED = {
    "mae": ("mae", 0.5),
    "quantile of 0.5": ("quantile", 0.5),
    "low quantile": (Quantile(0.05), 0.05),
    "high quantile": (Quantile(0.9), 0.9),
}


@pytest.mark.parametrize("name", KINKED)
def test_losses_of_quantiles(name, backend):
    loss, q = KINKED[name]
    learned = learned_constant(
        loss, backend, learning_rate=4.0, schedule=schedules.InverseScaling(0.5), optimizer="sgd"
    )
    # Between the neighbours of the row that is the quantile, or beyond by the last step: the
    # slope jumps at the minimum.
    place, step = int(q * len(ROWS)), 4 / np.sqrt(3000)
    low, high = np.sort(ROWS)[[place - 1, place + 1]]
    assert low - step <= learned <= high + step


def test_one_value_of_each_loss(backend):
    """The formulas, at errors below, at, between and above what they turn on."""
    a, t = 0.0, np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    d = np.abs(t)
    expected = {
        "mse": d**2,
        "mae": d,
        "huber": np.where(d <= 1, d**2 / 2, d - 0.5),
        Huber(2.0): np.where(d <= 2, d**2 / 2, 2 * (d - 1)),
        "quantile": d / 2,
        Quantile(0.9): np.where(t >= a, 0.9 * d, 0.1 * d),
    }
    for loss, values in expected.items():
        network = NeuralNetwork([1, 1], loss=loss, init="zeros", backend=backend)
        computed = [network.loss([[1.0]], [target]) for target in t]
        np.testing.assert_allclose(computed, values, rtol=1e-15)


# ------------------------------------------------------------------------------ several quantiles


def test_several_quantiles_share_a_column(backend, rng):
    q = [0.1, 0.5, 0.9]
    network = NeuralNetwork([2, 8, 6], loss=Quantile(q), backend=backend, seed=0)
    X, y = rng.standard_normal((20, 2)), rng.standard_normal((20, 2))
    outputs = network.predict(X)
    # Those of the first target, then those of the second.
    expected = np.mean(
        [
            mean_pinball_loss(y[:, target], outputs[:, 3 * target + place], alpha=q[place])
            for target in range(2)
            for place in range(3)
        ]
    )
    assert network.loss(X, y) == pytest.approx(expected, rel=1e-14)
    assert network.train(X, y, 1, 0.1, False)[0] == pytest.approx(expected, rel=1e-14)


def test_quantiles_of_one_target_may_be_flat(backend, rng):
    network = NeuralNetwork([2, 8, 3], loss=Quantile(np.array([0.2, 0.5, 0.6])), backend=backend)
    X, y = rng.standard_normal((20, 2)), rng.standard_normal(20)
    assert network.loss(X, y) == network.loss(X, y[:, None])
    assert np.array_equal(network.gradients(X, y), network.gradients(X, y[:, None]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_quantiles_of_a_distribution_are_learned(dtype, backend, rng):
    x = rng.uniform(-1, 1, 4000)
    y = np.sin(2 * x) + (0.3 + 0.2 * x) * rng.standard_normal(4000)
    q = (0.1, 0.5, 0.9)
    network = NeuralNetwork(
        [1, 20, 3], hidden="tanh", loss=Quantile(q), dtype=dtype, backend=backend, seed=1
    )
    network.train(
        x[:, None], y, 80, 0.01, False, batch_size=100, optimizer="adam", schedule="cosine"
    )
    grid = np.linspace(-0.9, 0.9, 19)
    learned = network.predict(grid[:, None])
    assert (np.diff(learned, axis=1) > 0).all()
    truth = np.sin(2 * grid)[:, None] + (0.3 + 0.2 * grid)[:, None] * stats.norm.ppf(q)
    # A quantile of the couple of hundred rows around a point is known to about
    # sqrt(q (1 - q) / n) / density, 0.05; their bands are 0.3 to 1.3 apart.
    np.testing.assert_allclose(learned, truth, rtol=0, atol=0.15)
    assert np.abs(learned - truth).mean() < 0.05
    below = (y[:, None] < network.predict(x[:, None])).mean(axis=0)
    np.testing.assert_allclose(below, q, rtol=0, atol=0.02)
