"""Bad input is refused in one sentence and changes nothing."""

import contextlib

import numpy as np
import pytest

from fastnet import NeuralNetwork, optimizers
from fastnet.kernels import catalog

from .small_networks import LABELS, X, Y, binary, classifier


def state(network):
    """All that a refused call must leave alone; bytes, because a NaN does not equal itself."""
    _, keys, *rest = np.random.get_state()
    arrays = [network.parameters, *network.activations, *network.layer_inputs, keys]
    return [array.tobytes() for array in arrays], rest


@contextlib.contextmanager
def assert_refused(network, *fragments):
    """The block raises one sentence that holds every fragment, and changes nothing."""
    before = state(network)
    with pytest.raises((ValueError, TypeError)) as caught:
        yield
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert ". " not in message
    assert state(network) == before


METHODS = {
    "forward": lambda network, x, y: network.forward(x),
    "predict": lambda network, x, y: network.predict(x),
    "backward": lambda network, x, y: network.backward(x, y),
    "loss": lambda network, x, y: network.loss(x, y),
    "gradients": lambda network, x, y: network.gradients(x, y),
    # With mini-batches, because only then the global generator would be drawn from.
    "train": lambda network, x, y: network.train(x, y, 2, verbose=False, batch_size=2),
}
WITH_TARGETS = [name for name in METHODS if name not in ("forward", "predict")]
WITHOUT_SINGLE_ROWS = ["loss", "gradients", "train"]


# ------------------------------------------------------------------- the network's description

BAD_SIZES = {
    "empty": ([], ["layer_sizes", "0 numbers", "at least two"]),
    "one": ([2], ["layer_sizes", "1 numbers", "at least two"]),
    "zero": ([2, 0, 1], ["layer_sizes[1]", "0", "at least 1"]),
    "negative": ([2, 3, -1], ["layer_sizes[2]", "-1", "at least 1"]),
    "float": ([2, 3.0, 1], ["layer_sizes[1]", "3.0", "float", "whole number"]),
    "float array": (np.array([2.0, 1.0]), ["layer_sizes[0]", "2.0", "whole number"]),
    "text": ([2, "3"], ["layer_sizes[1]", "'3'", "str", "whole number"]),
    "None inside": ([2, None], ["layer_sizes[1]", "None", "whole number"]),
    "bool": ([2, True], ["layer_sizes[1]", "True", "bool", "whole number"]),
    "NumPy bool": (np.array([True, True]), ["layer_sizes[0]", "bool", "whole number"]),
    "a number": (5, ["layer_sizes", "int", "sequence"]),
    "a 0-d array": (np.array(5), ["layer_sizes", "at least two"]),
    "a 2-d array": (np.ones((2, 100), int), ["layer_sizes", "whole number"]),
    "a string": ("23", ["layer_sizes", "str", "sequence"]),
    "None": (None, ["layer_sizes", "NoneType", "sequence"]),
    "a set": ({2, 3}, ["layer_sizes", "set", "sequence"]),
    "a generator": (iter([2, 3]), ["layer_sizes", "sequence"]),
    # Refused from the count alone: the memory error is foreseen, not met.
    "huge": ([10**6, 10**7, 1], ["layer_sizes", "10000020000001 parameters", "GiB"]),
    "more than int64": ([10**30, 2], ["layer_sizes", "parameters", "GiB"]),
    "more than a float": ([10**400, 2], ["layer_sizes"]),
}


@pytest.mark.parametrize("name", BAD_SIZES)
def test_layer_sizes(name):
    sizes, fragments = BAD_SIZES[name]
    with assert_refused(binary(), *fragments):
        NeuralNetwork(sizes, backend="reference")


BAD_CHOICES = {
    "backend": ({"backend": "gpu"}, ["backend", "'gpu'", "'compiled'", "'reference'"]),
    "backend's type": ({"backend": 1}, ["backend", "int", "'compiled'", "'reference'"]),
    "dtype": ({"dtype": "float16"}, ["dtype", "'float16'", "'float64'", "'float32'"]),
    "dtype of NumPy": ({"dtype": np.int64}, ["dtype", "'int64'", "'float64'", "'float32'"]),
    "dtype's type": ({"dtype": 64}, ["dtype", "int", "'float64'", "'float32'"]),
    "output": ({"output": "sinus"}, ["output", "'sinus'", *map(repr, catalog.OUTPUT_ACTIVATIONS)]),
    "hidden as output": ({"output": "relu"}, ["output", "'relu'", "'sigmoid'", "'softmax'"]),
    "output's type": ({"output": ["sigmoid"]}, ["output", "list", "'sigmoid'", "'softmax'"]),
    "output of one": ({"output": "softmax"}, ["output", "'softmax'", "one", "at least two"]),
    "negative seed": ({"seed": -1}, ["seed", "-1", "at least 0"]),
    "float seed": ({"seed": 1.5}, ["seed", "float", "whole number", "Generator"]),
    "bool seed": ({"seed": True}, ["seed", "bool", "whole number"]),
    "old generator": (
        {"seed": np.random.RandomState(0)},
        ["seed", "RandomState", "numpy.random.Generator"],
    ),
}


@pytest.mark.parametrize("name", BAD_CHOICES)
def test_choices_of_the_constructor(name):
    arguments, fragments = BAD_CHOICES[name]
    with assert_refused(binary(), *fragments):
        NeuralNetwork([2, 3, 1], **{"backend": "reference"} | arguments)


# -------------------------------------------------------------------------------------- inputs

BAD_X = {
    "wrong width": (np.ones((4, 3)), ["shape (4, 3)", "(rows, 2)"]),
    "0-d": (1.0, ["shape ()", "(rows, 2)"]),
    "1-d of another length": (np.ones(3), ["shape (3,)", "(rows, 2)", "reshape(1, -1)"]),
    "3-d": (np.ones((4, 2, 1)), ["shape (4, 2, 1)", "(rows, 2)"]),
    "no rows": (np.ones((0, 2)), ["no rows", "(rows, 2)", "at least one"]),
    "empty list": ([], ["shape (0,)", "(rows, 2)"]),
    "object": (X.astype(object), ["dtype object", "real numbers"]),
    "None": (None, ["dtype object", "real numbers"]),
    "complex": (X.astype(complex), ["dtype complex128", "real numbers"]),
    "strings": (X.astype(str), ["dtype <U", "real numbers"]),
    "bytes": (X.astype(bytes), ["dtype |S", "real numbers"]),
    "dates": (X.astype("datetime64[s]"), ["dtype datetime64", "real numbers"]),
    "ragged": ([[0, 1], [1]], ["list", "different lengths", "one length"]),
    "NaN": (np.where(X, X, np.nan), ["NaN or an infinity", "finite"]),
    "infinity": (np.where(X, X, np.inf), ["NaN or an infinity", "finite"]),
    # Their sum is invalid, of which NumPy warns.
    "both infinities": (np.where(X, -np.inf, np.inf), ["NaN or an infinity", "finite"]),
    "too large": (np.full((4, 2), np.longdouble("1e400")), ["1e+400", "float64"]),
}
if np.isinf(np.longdouble("1e400")):  # a platform whose long double is a double
    del BAD_X["too large"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", BAD_X)
def test_inputs(method, name):
    bad, fragments = BAD_X[name]
    network = binary()
    with assert_refused(network, "X", *fragments):
        METHODS[method](network, bad, Y)


@pytest.mark.parametrize("method", WITHOUT_SINGLE_ROWS)
def test_one_row_must_be_2d_where_targets_come_with_it(method):
    network = binary()
    with assert_refused(network, "X", "shape (2,)", "(rows, 2)", "X.reshape(1, -1)"):
        METHODS[method](network, X[0], Y[0])


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_one_number_must_be_2d(method):
    network = NeuralNetwork([1, 3, 1], backend="reference", seed=0)
    network.forward(X[:, :1])
    with assert_refused(network, "X", "shape (4,)", "(rows, 1)", "X.reshape(-1, 1)"):
        METHODS[method](network, X[:, 0], Y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("large", [1e300, -1e39])
def test_inputs_that_float32_cannot_hold(method, large):
    network = binary("float32")
    with assert_refused(network, "X", f"{abs(large)}", "float32"):
        METHODS[method](network, np.where(X, large, 0), Y)


# ------------------------------------------------------------------------------------- targets

BAD_Y = {
    "another length": (Y[:3], ["shape (3, 1)", "(4, 1)"]),
    "another length, 1-d": (Y[:3, 0], ["shape (3,)", "(4, 1)", "(4,)"]),
    "another width": (np.ones((4, 2)), ["shape (4, 2)", "(4, 1)"]),
    "lying": (Y.T, ["shape (1, 4)", "(4, 1)"]),
    "0-d": (1.0, ["shape ()", "(4, 1)"]),
    "3-d": (Y[..., None], ["shape (4, 1, 1)", "(4, 1)"]),
    "no rows": (Y[:0], ["shape (0, 1)", "(4, 1)"]),
    "above 1": (Y * 2, ["0.0 to 2.0", "[0, 1]"]),
    "below 0": (Y - 0.5, ["-0.5 to 0.5", "[0, 1]"]),
    "just above 1": (Y * (1 + 1e-15), ["1.000000000000001", "[0, 1]"]),
    "NaN": (Y * np.nan, ["NaN or an infinity", "finite"]),
    "infinity": (np.where(Y, np.inf, 0), ["NaN or an infinity", "finite"]),
    "both infinities": (np.where(Y, np.inf, -np.inf), ["NaN or an infinity", "finite"]),
    "object": (Y.astype(object), ["dtype object", "real numbers"]),
    "None": (None, ["dtype object", "real numbers"]),
    "complex": (Y.astype(complex), ["dtype complex128", "real numbers"]),
    "strings": (Y.astype(str), ["dtype <U", "real numbers"]),
    "ragged": ([[0], [1, 1], [0], [0]], ["list", "different lengths", "one length"]),
}


@pytest.mark.parametrize("method", WITH_TARGETS)
@pytest.mark.parametrize("name", BAD_Y)
def test_targets_of_a_sigmoid(method, name):
    bad, fragments = BAD_Y[name]
    network = binary()
    with assert_refused(network, "y", *fragments):
        METHODS[method](network, X, bad)


def test_1d_targets_need_one_output():
    network = NeuralNetwork([2, 3, 2], backend="reference", seed=0)
    with assert_refused(network, "y", "shape (4,)", "(4, 2)"):
        network.loss(X, Y[:, 0])


BAD_CLASSES = {
    "another length": (LABELS[:3], ["3 labels", "4"]),
    "no labels": (LABELS[:0], ["4"]),
    "above the last class": (LABELS + 1, ["1 to 3", "0 to 2"]),
    "below 0": (LABELS - 1, ["-1 to 1", "0 to 2"]),
    "far above": (LABELS.astype(np.uint64) + 2**63, ["9223372036854775808", "0 to 2"]),
    "float labels": (LABELS + 0.5, ["dtype float64", "whole numbers"]),
    "NaN labels": (LABELS * np.nan, ["dtype float64", "whole numbers"]),
    "labels as strings": (LABELS.astype(str), ["dtype <U", "real numbers"]),
    "labels in a column": (LABELS[:, None], ["shape (4, 1)", "(4, 3)", "(4,)"]),
    "another width": (np.eye(4), ["shape (4, 4)", "(4, 3)", "(4,)"]),
    "rows that sum to 2": (np.eye(3)[LABELS] + np.eye(3)[[1, 1, 2, 1]], ["sums to 2.0", "1"]),
    "rows of nothing": (np.zeros((4, 3)), ["sums to 0.0", "1"]),
    "outside [0, 1]": (np.eye(3)[LABELS] * 2 - [[1, 0, 0]], ["-1.0 to 2.0", "[0, 1]"]),
    "NaN": (np.eye(3)[LABELS] * np.nan, ["NaN or an infinity", "finite"]),
}


@pytest.mark.parametrize("method", WITH_TARGETS)
@pytest.mark.parametrize("name", BAD_CLASSES)
def test_targets_of_a_softmax(method, name):
    bad, fragments = BAD_CLASSES[name]
    network = classifier()
    with assert_refused(network, "y", *fragments):
        METHODS[method](network, X, bad)


# ------------------------------------------------------------------------------------ training

BAD_RATES = {
    "negative": (-0.1, ["-0.1", "at least 0"]),
    "negative infinity": (-np.inf, ["-inf", "finite"]),
    "NaN": (np.nan, ["nan", "finite"]),
    "infinity": (np.inf, ["inf", "finite"]),
    "more than a float": (10**400, ["finite"]),
    "text": ("0.1", ["str", "number"]),
    "None": (None, ["NoneType", "number"]),
    "bool": (True, ["bool", "number"]),
    "complex": (1j, ["complex", "number"]),
    "list": ([0.1], ["list", "number"]),
    "array": (np.array([0.1]), ["ndarray", "number"]),
    "ragged": ([[0.1], [0.1, 0.2]], ["list", "number"]),
}


METHODS_WITH_RATE = {
    "backward": lambda network, rate: network.backward(X, Y, rate),
    "train": lambda network, rate: network.train(X, Y, 2, rate, verbose=False, batch_size=2),
}


@pytest.mark.parametrize("method", METHODS_WITH_RATE)
@pytest.mark.parametrize("name", BAD_RATES)
def test_learning_rate(method, name):
    rate, fragments = BAD_RATES[name]
    network = binary()
    with assert_refused(network, "learning_rate", *fragments):
        METHODS_WITH_RATE[method](network, rate)


@pytest.mark.parametrize("method", METHODS_WITH_RATE)
def test_a_learning_rate_that_float32_cannot_hold(method):
    network = binary("float32")
    with assert_refused(network, "learning_rate", "1e+300", "float32"):
        METHODS_WITH_RATE[method](network, 1e300)


BAD_TRAINING = {
    "negative epochs": ({"epochs": -1}, ["epochs", "-1", "at least 0"]),
    "half epochs": ({"epochs": 1.5}, ["epochs", "1.5", "float", "whole number"]),
    "float epochs": ({"epochs": 2.0}, ["epochs", "2.0", "float", "whole number"]),
    "NaN epochs": ({"epochs": np.nan}, ["epochs", "nan", "whole number"]),
    "bool epochs": ({"epochs": True}, ["epochs", "True", "bool", "whole number"]),
    "text epochs": ({"epochs": "2"}, ["epochs", "'2'", "str", "whole number"]),
    "None epochs": ({"epochs": None}, ["epochs", "None", "whole number"]),
    "many epochs": ({"epochs": np.zeros((3, 3))}, ["epochs", "ndarray", "whole number"]),
    # The losses alone would not fit.
    "absurd epochs": ({"epochs": 10**30}, ["epochs"]),
    "no batch": ({"batch_size": 0}, ["batch_size", "0", "at least 1"]),
    "negative batch": ({"batch_size": -4}, ["batch_size", "-4", "at least 1"]),
    "float batch": ({"batch_size": 2.0}, ["batch_size", "2.0", "whole number"]),
    "bool batch": ({"batch_size": True}, ["batch_size", "True", "bool"]),
    "verbose": ({"verbose": "no"}, ["verbose", "'no'", "True, False or 'always'"]),
    "shuffle": ({"shuffle": None}, ["shuffle", "NoneType", "True or False"]),
    "optimizer": ({"optimizer": "sdg"}, ["optimizer", "'sdg'", *map(repr, optimizers.NAMES)]),
    "optimizer's type": ({"optimizer": 1}, ["optimizer", "int", *map(repr, optimizers.NAMES)]),
}


@pytest.mark.parametrize("name", BAD_TRAINING)
def test_arguments_of_train(name):
    arguments, fragments = BAD_TRAINING[name]
    network = binary()
    with assert_refused(network, *fragments):
        network.train(X, Y, **{"epochs": 2, "batch_size": 2, "verbose": False} | arguments)


def test_a_refused_train_draws_nothing_from_the_generator_given():
    generator = np.random.default_rng(0)
    network = NeuralNetwork([2, 3, 1], backend="reference", seed=generator)
    before = generator.bit_generator.state
    with assert_refused(network, "optimizer"):
        network.train(X, Y, batch_size=2, verbose=False, optimizer="sdg")
    assert generator.bit_generator.state == before


def test_no_epochs_make_no_losses(backend):
    network = NeuralNetwork([2, 3, 1], backend=backend, seed=0)
    before = network.parameters.copy()
    assert network.train(X, Y, epochs=0) == []
    np.testing.assert_array_equal(network.parameters, before)


def test_backward_needs_forward():
    network = NeuralNetwork([2, 3, 1], backend="reference", seed=0)
    with assert_refused(network, "backward", "forward"):
        network.backward(X, Y)
    network.predict(X)  # keeps nothing
    with assert_refused(network, "backward", "forward"):
        network.backward(X, Y)


def test_backward_needs_the_rows_of_the_last_forward():
    network = binary()
    with assert_refused(network, "X", "3 rows", "4", "forward"):
        network.backward(X[:3], Y[:3])


def test_kept_arrays_that_were_replaced_are_looked_at(backend):
    network = binary(backend=backend)
    network.activations[1] = network.activations[1][:2]
    with assert_refused(network, "activations[1]", "(2, 3)", "(4, 3)"):
        network.backward(X, Y)
    network.forward(X)
    network.layer_inputs.pop()
    with assert_refused(network, "layer_inputs", "2", "3"):
        network.backward(X, Y)
    # Of another type and order, but the same numbers.
    network.forward(X)
    twin = binary(backend=backend)
    network.activations[1] = np.asfortranarray(network.activations[1]).astype(np.longdouble)
    network.backward(X, Y)
    twin.backward(X, Y)
    assert np.array_equal(network.parameters, twin.parameters)


def test_a_refused_forward_keeps_the_activations_of_the_last():
    network, same = binary(), binary()
    with assert_refused(network, "X"):
        network.forward(X * np.nan)
    network.backward(X, Y)
    same.backward(X, Y)
    np.testing.assert_array_equal(network.parameters, same.parameters)


# ------------------------------------------------------------------------- weights and biases

BAD_WEIGHTS = {
    "turned": (np.ones((3, 2)), ["shape (3, 2)", "(2, 3)"]),
    "flat": (np.ones(6), ["shape (6,)", "(2, 3)"]),
    # NumPy would spread it over the rows.
    "one row": (np.ones((1, 3)), ["shape (1, 3)", "(2, 3)"]),
    "a number": (0.0, ["shape ()", "(2, 3)"]),
    "complex": (np.ones((2, 3), complex), ["dtype complex128", "real numbers"]),
    "object": (np.ones((2, 3), object), ["dtype object", "real numbers"]),
    "strings": (np.ones((2, 3)).astype(str), ["dtype <U", "real numbers"]),
    "None": (None, ["dtype object", "real numbers"]),
    "ragged": ([[1, 2, 3], [4, 5]], ["list", "different lengths"]),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_a_bad_weight_is_refused_and_the_others_are_left(name):
    bad, fragments = BAD_WEIGHTS[name]
    network = NeuralNetwork([2, 3, 2, 3], backend="reference", seed=0)
    network.forward(X)
    good = [weights + 1 for weights in network.weights]
    with assert_refused(network, "weights[0]", *fragments):
        network.weights[0] = bad
    # The good item comes first, and is not taken either.
    with assert_refused(network, "weights[2]", *fragments):
        network.weights[1:] = [good[1], bad]
    with assert_refused(network, "weights[2]", *fragments):
        network.weights = [good[0], good[1], bad]


def test_a_bad_bias_is_assert_refused():
    network = binary()
    with assert_refused(network, "biases[0]", "shape (3,)", "(1, 3)"):
        network.biases[0] = np.zeros(3)
    with assert_refused(network, "biases[1]", "shape (1, 3)", "(1, 1)"):
        network.biases = [np.ones((1, 3)), np.ones((1, 3))]


def test_another_number_of_arrays_is_assert_refused():
    network = binary()
    with assert_refused(network, "weights", "1 arrays", "2"):
        network.weights = [np.ones((2, 3))]
    with assert_refused(network, "biases", "3 arrays", "2"):
        network.biases[:] = [np.ones((1, 3))] * 3
    with assert_refused(network, "weights"):
        network.weights = 1.0


def test_bad_parameters_are_assert_refused():
    network = binary()
    with assert_refused(network, "parameters", "shape (1,)", "(13,)"):
        network.parameters = [0.0]
    with assert_refused(network, "parameters", "dtype complex128", "real numbers"):
        network.parameters = np.zeros(13, complex)


def test_weights_that_float32_cannot_hold_are_assert_refused():
    network = binary("float32")
    with assert_refused(network, "weights[0]", "1e+300", "float32"):
        network.weights[0] = np.full((2, 3), 1e300)
    with assert_refused(network, "parameters", "1e+300", "float32"):
        network.parameters = np.full(13, 1e300)


# -------------------------------------------------------------------------------- both backends


def message_of(call, backend):
    network = NeuralNetwork([2, 3, 1], backend=backend, seed=0)
    before = state(network)
    with pytest.raises((ValueError, TypeError)) as caught:
        call(network)
    assert state(network) == before
    return caught.type, str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda network: network.forward(X[:, :1]),
        lambda network: network.predict(X * np.nan),
        lambda network: network.backward(X, Y),
        lambda network: network.loss(X, Y + 1),
        lambda network: network.gradients(X[0], Y),
        lambda network: network.train(X, Y[:3]),
        lambda network: network.train(X, Y, epochs=-1),
        lambda network: network.train(X, Y, learning_rate=-1),
        lambda network: network.train(X, Y, batch_size=0),
        lambda network: network.train(X, Y, optimizer="sdg"),
        lambda network: setattr(network, "weights", []),
        lambda network: setattr(network, "biases", [[1], [2]]),
    ],
)
def test_both_backends_refuse_alike(call):
    assert message_of(call, "compiled") == message_of(call, "reference")
