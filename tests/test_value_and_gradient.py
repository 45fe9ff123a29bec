"""Loss and gradient as a function of a flat vector, for optimizers that drive one."""

import numpy as np
import pytest
from scipy import optimize

from fastnet import NeuralNetwork, Quantile


def problem(rng, dtype="float64", **options):
    network = NeuralNetwork([2, 7, 5, 3], dtype=dtype, seed=rng, **options)
    X = rng.standard_normal((30, 2))
    if options.get("output") == "softmax":
        return network, X, rng.integers(0, 3, 30)
    return network, X, rng.random((30, 1)) if "loss" in options else rng.random((30, 3))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {"output": "softmax", "l2": 0.1},
        {"output": "sigmoid", "dropout": 0.5},
        {"loss": Quantile([0.1, 0.5, 0.9]), "hidden": "gelu", "l1": 0.1},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_loss_and_gradient_there(options, weighted, dtype, backend, rng):
    network, X, y = problem(rng, dtype=dtype, backend=backend, **options)
    other = NeuralNetwork([2, 7, 5, 3], dtype=dtype, backend=backend, **options)
    weights = {"sample_weight": rng.random(30)} if weighted else {}
    vector = network.parameters + 0.5 * rng.standard_normal(network.parameters.size)
    given = vector.tobytes()
    value, gradient = network.value_and_gradient(vector, X, y, **weights)
    assert vector.tobytes() == given
    other.parameters = vector
    assert type(value) is float
    assert value == pytest.approx(other.loss(X, y, **weights), rel=50 * float(np.finfo(dtype).eps))
    assert gradient.dtype == dtype
    assert np.array_equal(gradient, other.gradients(X, y, **weights))


def test_the_network_stays_as_it_is(backend, rng):
    network, X, y = problem(rng, output="sigmoid", backend=backend)
    same, _, _ = problem(np.random.default_rng(0), output="sigmoid", backend=backend)
    same.parameters = network.parameters
    parameters = network.parameters.copy()
    for each in (network, same):
        each.train(X, y, 2, 0.1, False, optimizer="adam", average=0.5)
    trained = network.parameters.copy()
    network.forward(X)
    kept = [array.copy() for array in (*network.activations, *network.layer_inputs)]
    network.value_and_gradient(parameters, X, y)
    assert np.array_equal(network.parameters, trained)
    for now, then in zip((*network.activations, *network.layer_inputs), kept, strict=True):
        assert np.array_equal(now, then)
    # Nor does going on notice anything.
    losses = [each.train(X, y, 2, 0.1, False, optimizer="adam") for each in (network, same)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("kind", [list, "float32", "backwards", "read-only"])
def test_vectors_may_come_in_many_ways(kind, backend, rng):
    network, X, y = problem(rng, output="sigmoid", backend=backend)
    vector = rng.integers(-3, 3, network.parameters.size) / 4
    expected = network.value_and_gradient(vector, X, y)
    if kind is list:
        unusual = vector.tolist()
    elif kind == "read-only":
        unusual = vector.copy()
        unusual.flags.writeable = False
    else:
        unusual = vector.astype("float32") if kind == "float32" else vector[::-1].copy()[::-1]
    value, gradient = network.value_and_gradient(unusual, X, y)
    assert value == expected[0]
    assert np.array_equal(gradient, expected[1])


@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity", "softplus", "tanh"])
def test_the_gradient_is_the_slope(output, backend, rng):
    network, X, y = problem(rng, output=output, hidden="tanh", l2=0.1, backend=backend)
    vector = network.parameters.copy()

    def value(vector):
        return network.value_and_gradient(vector, X, y)[0]

    slope = optimize.approx_fprime(vector, value, 1e-7)
    # One-sided differences: 1e-7 of curvature, and as much of rounding.
    gradient = network.value_and_gradient(vector, X, y)[1]
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=5e-7)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_drives_the_optimizers_of_scipy(dtype, backend, xor):
    X, y = xor
    network = NeuralNetwork([2, 8, 1], hidden="tanh", dtype=dtype, backend=backend, seed=0)
    start = network.parameters.copy()
    found = optimize.minimize(
        network.value_and_gradient, start, (X, y), jac=True, method="L-BFGS-B"
    )
    assert np.array_equal(network.parameters, start)
    assert found.fun < 1e-3 < network.loss(X, y)
    network.parameters = found.x
    assert network.loss(X, y) == pytest.approx(found.fun, rel=1e-4)
    assert np.array_equal(network.predict(X) > 0.5, y == 1)


def test_both_paths_lead_to_the_same_minimum(rng):
    X = rng.standard_normal((20, 3))
    y = np.sin(X).sum(axis=1)
    minima = []
    for path in ("reference", "compiled"):
        network = NeuralNetwork(
            [3, 4, 1], hidden="tanh", output="identity", l2=1e-2, backend=path, seed=2
        )
        found = optimize.minimize(
            network.value_and_gradient,
            network.parameters,
            (X, y),
            jac=True,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000},
        )
        assert np.abs(found.jac).max() < 1e-5
        minima.append(found.fun)
    assert minima[0] == pytest.approx(minima[1], rel=1e-6)
    assert minima[0] < 0.5 * y.var()


@pytest.mark.parametrize(
    ("vector", "fragments"),
    [
        (np.zeros(5), ["shape (5,)", "(79,)"]),
        (np.zeros((79, 1)), ["shape (79, 1)", "(79,)"]),
        (np.zeros(79, complex), ["complex128", "real numbers"]),
        (None, ["object", "real numbers"]),
        ([[0], [0, 1]], ["different lengths"]),
    ],
)
def test_other_vectors_are_refused(vector, fragments, backend, rng):
    network, X, y = problem(rng, output="sigmoid", backend=backend)
    assert network.parameters.size == 79
    with pytest.raises((ValueError, TypeError), match="parameters") as caught:
        network.value_and_gradient(vector, X, y)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
