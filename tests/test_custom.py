"""Activations, losses and metrics of one's own."""

import math

import numba
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from fastnet import Activation, Loss, NeuralNetwork, backend, optimizers


@numba.njit
def tanh(z):
    return math.tanh(z)


@numba.njit
def tanh_slope(z):
    return 1 / math.cosh(z) ** 2


@numba.njit
def square(a, t):
    return (a - t) ** 2


@numba.njit
def square_slope(a, t):
    return 2 * (a - t)


@numba.njit
def log_cosh(a, t):
    return math.log(math.cosh(a - t))


@numba.njit
def log_cosh_slope(a, t):
    return math.tanh(a - t)


OWN_TANH = Activation("own_tanh", np.tanh, lambda z: 1 / np.cosh(z) ** 2, tanh, tanh_slope)
OWN_MSE = Loss("own_mse", lambda a, t: (a - t) ** 2, lambda a, t: 2 * (a - t), square, square_slope)
LOG_COSH = Loss(
    "log_cosh",
    lambda a, t: np.log(np.cosh(a - t)),
    lambda a, t: np.tanh(a - t),
    log_cosh,
    log_cosh_slope,
)


def data(rng, rows=40, n_out=2, output=None):
    X = rng.standard_normal((rows, 3))
    return X, rng.integers(0, n_out, rows) if output == "softmax" else rng.random((rows, n_out))


def assert_twins(own, known, X, y, dtype):
    """Two networks compute the same but for rounding: a few dozen terms of the order of 1."""
    tolerance = 200 * np.finfo(dtype).eps
    weights = np.arange(len(X))
    for network in (own, known):
        network.train(X, y, 3, 0.1, False, batch_size=16, optimizer="momentum")
    for method, arguments in (
        ("predict", (X,)),
        ("loss", (X, y)),
        ("gradients", (X, y)),
    ):
        computed = getattr(own, method)(*arguments)
        expected = getattr(known, method)(*arguments)
        np.testing.assert_allclose(computed, expected, rtol=tolerance, atol=tolerance)
    histories = [
        network.train(X, y, 3, 0.1, False, validation=(X, y, weights), sample_weight=weights)
        for network in (own, known)
    ]
    np.testing.assert_allclose(*histories, rtol=tolerance)
    np.testing.assert_allclose(*(history.validation for history in histories), rtol=tolerance)
    np.testing.assert_allclose(own.parameters, known.parameters, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", [OWN_TANH, ["relu", OWN_TANH], [OWN_TANH, "relu"]], ids=str)
def test_an_activation_of_ones_own_is_as_good(hidden, dtype, backend, rng):
    X, y = data(rng)
    known = "tanh"
    if isinstance(hidden, list):
        known = ["tanh" if chosen is OWN_TANH else chosen for chosen in hidden]
    networks = [
        NeuralNetwork([3, 6, 5, 2], hidden=chosen, dtype=dtype, backend=backend, seed=1)
        for chosen in (hidden, known)
    ]
    assert_twins(*networks, X, y, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "tanh", "softplus"])
def test_a_loss_of_ones_own_is_as_good(output, dtype, backend, rng):
    X, y = data(rng, n_out=3, output=output)
    networks = [
        NeuralNetwork([3, 6, 3], output=output, loss=loss, dtype=dtype, backend=backend, seed=1)
        for loss in (OWN_MSE, "mse")
    ]
    assert_twins(*networks, X, y, dtype)


def test_the_drop_in_goes_with_an_activation_of_ones_own(backend, rng):
    X, y = data(rng)
    networks = [
        NeuralNetwork([3, 6, 2], hidden=hidden, backend=backend, seed=1)
        for hidden in (OWN_TANH, "tanh")
    ]
    for network in networks:
        network.forward(X)
        network.backward(X, y, 0.1)
        network.train(X, y, 3, 0.1, verbose=False)
    own, known = (network.parameters for network in networks)
    np.testing.assert_allclose(own, known, rtol=0, atol=1e-14)


def test_a_new_loss_learns_and_both_paths_agree(rng):
    X, _ = data(rng)
    y = np.sin(X.sum(axis=1))
    runs = []
    for path in backend.NAMES:
        network = NeuralNetwork([3, 16, 1], hidden=OWN_TANH, loss=LOG_COSH, backend=path, seed=0)
        # Without an output a loss of one's own has numbers as they come.
        a = network.predict(X)[:, 0]
        assert network.loss(X, y) == pytest.approx(np.log(np.cosh(a - y)).mean(), rel=1e-13)
        runs.append(network.train(X, y, 200, 0.1, False, optimizer="nesterov"))
    np.testing.assert_allclose(*runs, rtol=1e-8)
    assert runs[0][-1] < 0.1 * runs[0][0]


@pytest.mark.parametrize("own", [{"hidden": OWN_TANH}, {"loss": OWN_MSE}], ids=["hidden", "loss"])
def test_the_reference_needs_no_compiled_functions_and_the_compiled_path_does(own, rng):
    X, y = data(rng)
    ((argument, chosen),) = own.items()
    plain = type(chosen)(chosen.name, chosen.function, chosen.derivative)
    network = NeuralNetwork([3, 4, 2], **{argument: plain}, backend="reference", seed=0)
    same = NeuralNetwork([3, 4, 2], **own, backend="reference", seed=0)
    for each in (network, same):
        each.train(X, y, 3, 0.1, verbose=False)
    assert np.array_equal(network.parameters, same.parameters)
    with pytest.raises(ValueError, match=f"{chosen.name}.*no compiled.*backend='reference'"):
        NeuralNetwork([3, 4, 2], **{argument: plain}, backend="compiled", seed=0)


def test_a_second_network_compiles_nothing(rng):
    binding = backend.load("compiled", "binding")

    def use(sizes):
        X, y = rng.standard_normal((20, sizes[0])), rng.random((20, sizes[-1]))
        network = NeuralNetwork(sizes, hidden=OWN_TANH, loss=OWN_MSE)
        network.train(X, y, 2, 0.1, False, batch_size=8, optimizer="sgd")
        network.loss(X, y)

    use([3, 4, 2])
    before = binding.kernel.cache_info().misses
    for sizes in ([3, 4, 2], [5, 9, 7, 3], [1, 33, 1]):
        use(sizes)
    assert binding.kernel.cache_info().misses == before


# ---------------------------------------------------------------------------------------- metrics


def own_accuracy(y, prediction):
    return accuracy_score(y, prediction.argmax(axis=1))


own_accuracy.mode = "max"


def worst_error(y, prediction):
    return np.abs(y - prediction).max()


class Worst:
    mode = "min"

    def __call__(self, y, prediction):
        return worst_error(y, prediction)


def test_a_metric_of_ones_own_is_as_good(backend, rng):
    X, y = data(rng, rows=60, n_out=3, output="softmax")
    histories, parameters = [], []
    for metric in (own_accuracy, "accuracy"):
        network = NeuralNetwork([3, 6, 3], output="softmax", backend=backend, seed=1)
        histories.append(
            network.train(X, y, 12, 0.5, False, validation=(X, y), monitor=metric, patience=5)
        )
        parameters.append(network.parameters)
    own, known = histories
    assert own.metrics["own_accuracy"] == known.metrics["accuracy"]
    assert own == known
    assert own.best_epoch == known.best_epoch == np.argmax(own.metrics["own_accuracy"])
    assert np.array_equal(*parameters)


@pytest.mark.parametrize(("metric", "name"), [(worst_error, "worst_error"), (Worst(), "Worst")])
def test_less_of_a_metric_is_better_unless_it_says_otherwise(metric, name, backend, rng):
    X, y = data(rng)
    network = NeuralNetwork([3, 6, 2], output="identity", backend=backend, seed=1)
    seen = []
    history = network.train(
        X,
        y,
        15,
        1.0,
        False,
        validation=(X, y),
        monitor=metric,
        callbacks=lambda network, history: seen.append(worst_error(y, network.predict(X))),
    )
    assert history.metrics[name] == seen
    assert history.best_epoch == np.argmin(seen)


@pytest.mark.parametrize("bad", ["much", None, [1, 2]])
def test_a_metric_that_is_no_number_says_so(bad, backend, rng):
    X, y = data(rng)
    network = NeuralNetwork([3, 2], output="identity", backend=backend, seed=1)

    def wrong(y, prediction):
        return bad

    with pytest.raises(TypeError, match=f"wrong returned a {type(bad).__name__}, expected a"):
        network.train(X, y, 1, 0.1, False, validation=(X, y), monitor=wrong)


# ------------------------------------------------------------------------------------------ files


def test_a_file_has_the_names_and_asks_for_the_functions(tmp_path, backend, rng):
    X, y = data(rng)
    path = tmp_path / "network.fastnet"
    network = NeuralNetwork(
        [3, 6, 5, 2], hidden=["elu", OWN_TANH], loss=LOG_COSH, backend=backend, seed=1
    )
    network.train(X, y, 3, 0.1, False, optimizer="adam")
    network.save(path)
    contents = path.read_bytes()
    assert b"own_tanh" in contents
    assert b"log_cosh" in contents
    for given in ((), [OWN_TANH], [LOG_COSH], [OWN_TANH, OWN_MSE]):
        with pytest.raises(ValueError, match="of your own, expected it in custom"):
            NeuralNetwork.load(path, custom=given, backend=backend)
    loaded = NeuralNetwork.load(path, custom=[OWN_MSE, LOG_COSH, OWN_TANH], backend=backend)
    assert np.array_equal(loaded.predict(X), network.predict(X))
    assert loaded.loss(X, y) == network.loss(X, y)
    assert loaded.train(X, y, 2, 0.1, False, optimizer=optimizers.Adam()) == network.train(
        X, y, 2, 0.1, False, optimizer=optimizers.Adam()
    )


# ---------------------------------------------------------------------------------- what is wrong


def cube(z):
    return z**3


def cube_slope(z):
    return 3 * z**2


@numba.njit
def scalar_cube(z):
    return z**3


@numba.njit
def scalar_cube_slope(z):
    return 3 * z**2


def in_place(z):
    z **= 3
    return z


BAD_ACTIVATIONS = {
    "wrong slope": ((cube, cube), ["derivative", "'c'", "slope of its function", "at -4.13"]),
    "half the slope": (
        (cube, lambda z: 1.5 * z**2),
        ["derivative of activation 'c'", "expected the slope"],
    ),
    "a slope slightly wrong": (
        (cube, lambda z: 3.0001 * z**2),
        ["derivative", "expected the slope"],
    ),
    "wrong in one place": (
        (cube, lambda z: np.where(z > 4, 0, 3 * z**2)),
        ["derivative of activation 'c' is 0 at 4.07", "expected the slope", "49.6947"],
    ),
    "a slope that is NaN": ((cube, lambda z: z * np.nan), ["derivative", "is nan"]),
    "a function that is NaN": ((lambda z: z * np.nan, cube_slope), ["derivative", "nan"]),
    "bools": ((lambda z: np.maximum(z, 0), lambda z: z > 0), ["derivative", "bool", "floats"]),
    "one number": ((lambda z: z.sum(), cube_slope), ["function", "shape ()", "(83,)"]),
    "another shape": ((lambda z: z[:, None], cube_slope), ["function", "(83, 1)", "(83,)"]),
    "text": ((lambda z: "text", cube_slope), ["function", "<U4", "floats"]),
    "writes": ((in_place, cube_slope), ["function of activation 'c'", "writes into its argument"]),
    "no function": (("cube", cube_slope), ["function of activation 'c'", "str", "a function"]),
    "no derivative": ((cube, None), ["derivative", "NoneType", "a function"]),
    "one compiled": ((cube, cube_slope, scalar_cube), ["one compiled function", "both or none"]),
    "the other compiled": (
        (cube, cube_slope, None, scalar_cube),
        ["one compiled function", "both or none"],
    ),
    "compiled text": (
        (cube, cube_slope, "cube", scalar_cube),
        ["compiled of activation 'c'", "str", "a function"],
    ),
    "not compiled": (
        (cube, cube_slope, cube, cube_slope),
        ["compiled of activation 'c' is not compiled", "numba.njit"],
    ),
    "another compiled function": (
        (cube, cube_slope, scalar_cube_slope, scalar_cube_slope),
        ["compiled of activation 'c' gives", "expected the same"],
    ),
    "another compiled slope": (
        (cube, cube_slope, scalar_cube, scalar_cube),
        ["compiled_derivative of activation 'c' gives", "expected the same"],
    ),
}


@pytest.mark.parametrize("name", BAD_ACTIVATIONS)
def test_a_wrong_activation_is_refused(name):
    functions, fragments = BAD_ACTIVATIONS[name]
    assert_refused(lambda: Activation("c", *functions), fragments)
    # A refused one has changed nothing that the next is judged by.
    Activation("c", cube, cube_slope, scalar_cube, scalar_cube_slope)


def assert_refused(make, fragments):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert ". " not in message


BAD_LOSSES = {
    "wrong slope": ((np.subtract, np.subtract), ["derivative of loss 'l'", "slope"]),
    "slope by the target": (
        (lambda a, t: (a - t) ** 2, lambda a, t: 2 * (t - a)),
        ["derivative", "at 0.023, 0.031"],
    ),
    "mean over rows": (
        (lambda a, t: ((a - t) ** 2).mean(), lambda a, t: 2 * (a - t)),
        ["function", "shape ()", "(72,)"],
    ),
    "writes to the target": (
        (lambda a, t: np.subtract(a, t, out=t), lambda a, t: np.ones_like(a)),
        ["writes into its argument"],
    ),
    "compiled without the factor": (
        (OWN_MSE.function, OWN_MSE.derivative, square, numba.njit(lambda a, t: a - t)),
        ["compiled_derivative of loss 'l' gives", "expected the same"],
    ),
}


@pytest.mark.parametrize("name", BAD_LOSSES)
def test_a_wrong_loss_is_refused(name):
    functions, fragments = BAD_LOSSES[name]
    assert_refused(lambda: Loss("l", *functions), fragments)


@pytest.mark.parametrize("name", ["", None, 3, b"cube"])
@pytest.mark.parametrize("kind", [Activation, Loss])
def test_a_name_is_some_text(kind, name):
    arguments = (cube, cube_slope) if kind is Activation else (np.subtract, np.subtract)
    assert_refused(lambda: kind(name, *arguments), ["name", repr(name), "some text"])


def test_kinks_of_known_functions_are_no_reason_to_refuse():
    Activation("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0)
    Activation("hard", lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1) * 1.0)
    Activation("halves", lambda z: np.maximum(z, 0.5), lambda z: (z > 0.5) * 1.0)
    Loss("mae", lambda a, t: np.abs(a - t), lambda a, t: np.sign(a - t))


def test_two_of_one_name_are_refused():
    """A file could not tell them apart; one activation in two layers is one."""
    other = Activation("own_tanh", np.sin, np.cos)
    with pytest.raises(ValueError, match="hidden has two activations 'own_tanh'"):
        NeuralNetwork([2, 3, 3, 1], hidden=[OWN_TANH, other], backend="reference")
    NeuralNetwork([2, 3, 3, 1], hidden=[OWN_TANH, OWN_TANH], backend="reference")
