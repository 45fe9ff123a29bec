"""Every option of the constructor and of `train` refuses what it cannot take, and changes nothing.

In the manner of `test_validation`: one sentence that names the argument, what came and what was
expected, before the network, its generator or NumPy's is touched.
"""

import copy

import numpy as np
import pytest

from fastnet import Activation, Huber, Loss, NeuralNetwork, Quantile, optimizers, schedules
from fastnet.kernels import catalog
from fastnet.metrics import METRICS

from .small_networks import LABELS, X, Y
from .test_validation import assert_refused

SQUARE = Activation("square", lambda z: z**2, lambda z: 2 * z)
CUBIC = Loss("cubic", lambda a, t: (a - t) ** 3, lambda a, t: 3 * (a - t) ** 2)

NO_NUMBERS = {
    "text": ("1", "str"),
    "None": (None, "NoneType"),
    "bool": (True, "bool"),
    "NumPy's bool": (np.True_, "bool"),
    "complex": (1j, "complex"),
    "list": ([0.1], "list"),
    "array": (np.array([0.1]), "ndarray"),
    "two numbers": (np.array([0.1, 0.2]), "ndarray"),
}
NOT_FINITE = {"NaN": np.nan, "infinity": np.inf, "-infinity": -np.inf, "10^400": 10**400}

# Argument -> numbers that are out of its range, and what the message says of the range.
RANGES = {
    "l1": ([-1e-9], "at least 0"),
    "l2": ([-1e-9], "at least 0"),
    "max_norm": ([0, -1], "above 0"),
    "dropout": ([-0.1, 1, 1.5], "of at least 0 and below 1"),
}
RANGES_OF_TRAIN = {
    "label_smoothing": ([-0.1, 1, 2], "of at least 0 and below 1"),
    "clip_norm": ([0, -1], "above 0"),
    "clip_value": ([0, -1], "above 0"),
    "average": ([0, 1, -0.5, 2], "above 0 and below 1"),
    "input_noise": ([-1e-9], "at least 0"),
    "max_seconds": ([0, -1], "above 0"),
    "min_delta": ([-1e-9], "at least 0"),
}
# Where None is the default.
OPTIONAL = ("max_norm", "clip_norm", "clip_value", "average", "max_seconds")


def bad_numbers(ranges):
    """(argument, value, fragments of the message) for everything that is no number in range."""
    cases = []
    for argument, (outside, expected) in ranges.items():
        cases += [(argument, value, [f"is {float(value)}", expected]) for value in outside]
        cases += [(argument, value, ["finite", expected]) for value in NOT_FINITE.values()]
        for value, name in NO_NUMBERS.values():
            # A list is a rate for each layer.
            is_taken = argument == "dropout" and isinstance(value, (list, np.ndarray))
            if not is_taken and not (value is None and argument in OPTIONAL):
                cases.append((argument, value, [f"is a {name}", "finite number"]))
    return cases


def named(cases):
    return pytest.mark.parametrize(
        ("argument", "value", "fragments"),
        cases,
        ids=[f"{argument}-{value!r}" for argument, value, _ in cases],
    )


# --------------------------------------------------------------------------------- the constructor


def network_of(sizes=(2, 3, 4, 1), **options):
    return NeuralNetwork(list(sizes), **{"backend": "reference"} | options)


@named(bad_numbers(RANGES))
def test_numbers_of_the_constructor(argument, value, fragments):
    # Without a seed the initial weights are drawn from NumPy's generator.
    with assert_refused(network_of(), argument, *fragments):
        network_of(**{argument: value})


HIDDEN = list(map(repr, catalog.HIDDEN_ACTIVATIONS))
LOSSES = list(map(repr, catalog.OUTPUTS_OF_LOSS))
BAD_CHOICES = [
    ("hidden", "rleu", ["'rleu'", *HIDDEN, "did you mean 'relu'?"]),
    ("hidden", "softmax", ["'softmax'", *HIDDEN]),
    ("hidden", "", ["''", *HIDDEN]),
    ("hidden", None, ["NoneType", "name of an activation", "Activation", "list"]),
    ("hidden", 3, ["int", "name of an activation"]),
    ("hidden", np.tanh, ["ufunc", "name of an activation"]),
    ("hidden", Activation, ["type", "name of an activation"]),
    ("hidden", {"relu"}, ["set", "a list"]),
    ("hidden", ["relu"], ["has 1 activations", "expected 2", "each hidden layer"]),
    ("hidden", ["relu"] * 3, ["has 3 activations", "expected 2"]),
    ("hidden", [], ["has 0 activations", "expected 2"]),
    ("hidden", ["relu", "tahn"], ["hidden[1]", "'tahn'", "did you mean 'tanh'?"]),
    ("hidden", ["relu", None], ["hidden[1]", "NoneType", *HIDDEN]),
    ("hidden", [CUBIC, "relu"], ["hidden[0]", "Loss", *HIDDEN]),
    ("loss", "bce", ["'bce'", *LOSSES]),
    ("loss", "huberr", ["'huberr'", *LOSSES, "did you mean 'huber'?"]),
    ("loss", 1, ["int", *LOSSES]),
    ("loss", ["mse"], ["list", *LOSSES]),
    ("loss", np.array([0.1, 0.9]), ["ndarray", *LOSSES]),
    ("loss", Quantile, ["type", *LOSSES]),
    ("loss", SQUARE, ["Activation", *LOSSES]),
    ("loss", "cross_entropy", ["one output", "two outputs"]),
    ("loss", Quantile([0.1, 0.9]), ["2 quantiles", "1 outputs", "for each target"]),
    ("output", "sigmod", ["'sigmod'", *map(repr, catalog.OUTPUT_ACTIVATIONS), "'sigmoid'?"]),
    ("output", SQUARE, ["Activation", *map(repr, catalog.OUTPUT_ACTIVATIONS)]),
    ("init", "he", ["'he'", "'he_normal'", "'glorot_uniform'", "'zeros'"]),
    ("init", "ortogonal", ["'ortogonal'", "did you mean 'orthogonal'?"]),
    ("init", None, ["NoneType", "a name", "a list", "all 30 parameters"]),
    ("init", 0.0, ["float", "a name"]),
    ("init", ["zeros"], ["1 entries", "3", "each layer"]),
    ("init", ["zeros", "zeros", "ones"], ["init[2]", "'ones'", "'zeros'"]),
    ("init", ["zeros", "zeros", np.ones(4)], ["init[2]", "(4,)", "(4, 1)"]),
    ("init", np.ones(29), ["shape (29,)", "(30,)"]),
    ("init", np.full(30, np.nan), ["NaN", "finite"]),
    ("dropout", [0.5], ["1 rates", "expected 3", "the inputs'", "each hidden layer"]),
    ("dropout", np.full(4, 0.5), ["4 rates", "expected 3"]),
    ("dropout", [0, 0, 1.0], ["dropout[2]", "1.0", "below 1"]),
    ("dropout", [0, np.nan, 0], ["dropout[1]", "nan", "finite"]),
    ("dropout", [0, "0.5", 0], ["dropout[1]", "str", "finite number"]),
    ("dropout", [0, True, 0], ["dropout[1]", "bool", "finite number"]),
    ("dropout", [[0], [0], [0]], ["dropout[0]", "list", "finite number"]),
    ("dropout", b"0.5", ["bytes", "finite number"]),
]


@named(BAD_CHOICES)
def test_choices_of_the_constructor(argument, value, fragments):
    with assert_refused(network_of(), argument, *fragments):
        network_of(**{argument: value})


@pytest.mark.parametrize(
    ("loss", "output", "allowed"),
    [
        (loss, output, allowed)
        for loss, allowed in catalog.OUTPUTS_OF_LOSS.items()
        for output in catalog.OUTPUT_ACTIVATIONS
        if output not in allowed
    ],
)
def test_a_loss_goes_with_some_outputs(loss, output, allowed):
    listed = ", ".join(map(repr, allowed))
    message = f"loss '{loss}' goes with output {listed}, got output '{output}'"
    with assert_refused(network_of(), message):
        network_of((2, 3), loss=loss, output=output)


@named(
    [
        ("delta", 0, ["0.0", "above 0"]),
        ("delta", -1, ["-1.0", "above 0"]),
        ("delta", "1", ["str", "finite number"]),
        ("delta", None, ["NoneType", "finite number"]),
        *[("delta", value, ["finite"]) for value in NOT_FINITE.values()],
    ]
)
def test_numbers_of_huber(argument, value, fragments):
    with assert_refused(network_of(), argument, *fragments):
        Huber(value)


@named(
    [
        ("q", 0, ["0.0", "above 0 and below 1"]),
        ("q", 1, ["1.0", "above 0 and below 1"]),
        ("q", "0.5", ["str", "finite number"]),
        ("q", None, ["NoneType", "finite number"]),
        ("q", [], ["list", "finite number"]),
        ("q", [0.5, 0.5], ["(0.5, 0.5)", "larger than the one before"]),
        ("q", [0.9, 0.1], ["(0.9, 0.1)", "larger than the one before"]),
        ("q", [0.1, 1.1], ["1.1", "below 1"]),
        ("q", [0.1, None], ["NoneType", "finite number"]),
        ("q", np.array([[0.1, 0.9]]), ["list", "finite number"]),
        *[("q", value, ["finite"]) for value in NOT_FINITE.values()],
        *[("q", [0.5, value], ["finite"]) for value in NOT_FINITE.values()],
    ]
)
def test_numbers_of_quantiles(argument, value, fragments):
    with assert_refused(network_of(), argument, *fragments):
        Quantile(value)


# ----------------------------------------------------------------------------------------- train

KINDS = {
    "binary": (lambda **options: network_of((2, 3, 1), **options), Y),
    "classifier": (lambda **options: network_of((2, 3, 3), output="softmax", **options), LABELS),
    "regression": (lambda **options: network_of((2, 3, 1), output="identity", **options), Y),
    "counts": (lambda **options: network_of((2, 3, 1), loss="poisson", **options), Y),
}


@pytest.fixture(params=[None, 3], ids=["global generator", "own generator"])
def seed(request):
    return request.param


def assert_train_refuses(kind, arguments, fragments, seed=None):
    """`train` refuses, at first and after an average and a state are there to be spoiled."""
    make, y = KINDS[kind]
    # Dropout and mini-batches: training needs random numbers.
    network, other = (make(dropout=0.25, seed=copy.copy(seed)) for _ in range(2))
    other.parameters = network.parameters
    options = {"batch_size": 2, "verbose": False}
    for _ in range(2):
        network.forward(X)
        generator = copy.deepcopy(network._rng)
        with assert_refused(network, *fragments):
            network.train(X, y, **{"epochs": 2} | options | arguments)
        if seed is not None:
            assert network._rng.bit_generator.state == generator.bit_generator.state
        np.random.seed(1)
        network.train(X, y, 2, optimizer="adam", average=0.5, **options)
    for _ in range(2):
        np.random.seed(1)
        other.train(X, y, 2, optimizer="adam", average=0.5, **options)
    assert np.array_equal(network.parameters, other.parameters)


@named(bad_numbers(RANGES_OF_TRAIN))
def test_numbers_of_train(argument, value, fragments):
    options = {"validation": (X, Y)} if argument == "min_delta" else {}
    assert_train_refuses("binary", {argument: value} | options, [argument, *fragments])


def test_min_delta_is_looked_at_without_a_validation_set():
    for value in (np.nan, -1, "much"):
        assert_train_refuses("binary", {"min_delta": value}, ["min_delta", "at least 0"])


WEIGHTS = [
    ([1, 1, -1, 1], ["-1", "at least 0"]),
    ([1, -1e-300, 1, 1], ["-1e-300", "at least 0"]),
    ([0, 0, 0, 0], ["0 everywhere", "above 0"]),
    ([1, 1, 1], ["(3,)", "(4,)"]),
    ([1, 1, 1, 1, 1], ["(5,)", "(4,)"]),
    (np.ones((4, 1)), ["(4, 1)", "(4,)"]),
    (1.0, ["()", "(4,)"]),
    ("balanced", ["dtype <U8", "real numbers"]),
    ([1, np.nan, 1, 1], ["nan", "finite"]),
    ([1, 1, np.inf, 1], ["has inf", "finite"]),
    ([1, 1, -np.inf, 1], ["-inf", "finite"]),
    ([1j, 1, 1, 1], ["complex128", "real numbers"]),
    ([None, 1, 1, 1], ["object", "real numbers"]),
    ([[1], [1, 2], [1], [1]], ["different lengths"]),
]


@pytest.mark.parametrize(("weights", "fragments"), WEIGHTS)
def test_weights_of_rows(weights, fragments):
    fragments = ["sample_weight", *fragments]
    assert_train_refuses("binary", {"sample_weight": weights}, fragments)
    network = network_of((2, 3, 1))
    for method in (network.loss, network.gradients):
        with assert_refused(network, *fragments):
            method(X, Y, sample_weight=weights)
    with assert_refused(network, *fragments):
        network.value_and_gradient(network.parameters, X, Y, sample_weight=weights)
    fragments[0] = "validation sample_weight"
    assert_train_refuses("binary", {"validation": (X, Y, weights)}, fragments)


CLASS_WEIGHTS = [
    ("classifier", "balance", ["'balance'", "'balanced'", "did you mean"]),
    ("classifier", 2.0, ["float", "'balanced' or a dict"]),
    ("classifier", [1, 2, 3], ["list", "'balanced' or a dict"]),
    ("classifier", {3: 1.0}, ["label 3", "0 to 2"]),
    ("classifier", {-1: 1.0}, ["label", "-1", "at least 0"]),
    ("classifier", {"0": 1.0}, ["label", "str", "whole number"]),
    ("classifier", {1.0: 1.0}, ["label", "float", "whole number"]),
    ("classifier", {True: 1.0}, ["label", "bool", "whole number"]),
    ("classifier", {0: -1}, ["class_weight[0]", "-1.0", "at least 0"]),
    ("classifier", {0: "1"}, ["class_weight[0]", "str", "finite number"]),
    *[("classifier", {1: value}, ["class_weight[1]", "finite"]) for value in NOT_FINITE.values()],
    ("classifier", {0: 0, 1: 0, 2: 0}, ["no row", "above 0"]),
    ("binary", {2: 1.0}, ["label 2", "0 to 1"]),
    ("regression", "balanced", ["one class a row", "labels", "sigmoid"]),
    ("regression", {0: 1}, ["one class a row"]),
]


@pytest.mark.parametrize(("kind", "value", "fragments"), CLASS_WEIGHTS)
def test_weights_of_classes(kind, value, fragments):
    assert_train_refuses(kind, {"class_weight": value}, ["class_weight", *fragments])


def test_weights_of_classes_need_classes():
    soft = {"class_weight": {0: 2}}
    network = network_of((2, 3, 1))
    with assert_refused(network, "class_weight", "one class a row"):
        network.train(X, Y / 2, verbose=False, **soft)
    network = network_of((2, 3, 3), output="softmax")
    with assert_refused(network, "class_weight", "one class a row"):
        network.train(X, np.full((4, 3), 1 / 3), verbose=False, **soft)
    network = network_of((2, 3, 2))
    with assert_refused(network, "class_weight", "one class a row"):
        network.train(X, np.eye(2)[[0, 1, 1, 0]], verbose=False, **soft)


def test_weights_of_rows_and_classes_that_leave_nothing():
    arguments = {"sample_weight": Y[:, 0], "class_weight": {1: 0}}
    fragments = ["sample_weight and class_weight", "above 0"]
    assert_train_refuses("binary", arguments, fragments)


def test_smoothing_is_for_cross_entropies():
    for kind, loss in (("regression", "mse"), ("counts", "poisson")):
        fragments = ["label_smoothing", "0.1", f"'{loss}'", "cross-entropies"]
        assert_train_refuses(kind, {"label_smoothing": 0.1}, fragments)
    network = network_of((2, 3, 1), output="sigmoid", loss=CUBIC)
    with assert_refused(network, "label_smoothing", "'cubic'"):
        network.train(X, Y, 2, label_smoothing=0.1, verbose=False)


VALIDATIONS = [
    ("binary", (X,), ["1 parts", "(X, y)", "fraction"]),
    ("binary", (X, Y, None, None), ["4 parts", "(X, y, sample_weight)"]),
    ("binary", (), ["0 parts"]),
    ("binary", X, ["ndarray", "(X, y), (X, y, sample_weight) or a fraction"]),
    ("binary", "0.1", ["str", "(X, y), (X, y, sample_weight) or a fraction"]),
    ("binary", {"X": X, "y": Y}, ["dict", "(X, y)"]),
    ("binary", True, ["bool", "above 0 and below 1"]),
    ("binary", 0.0, ["0.0", "above 0 and below 1"]),
    ("binary", 1.0, ["1.0", "above 0 and below 1"]),
    ("binary", 2, ["2.0", "below 1"]),
    ("binary", -0.5, ["-0.5", "above 0"]),
    *[("binary", value, ["finite"]) for value in NOT_FINITE.values()],
    ("binary", 0.1, ["0.1 of 4 rows", "at least one row"]),
    ("binary", 0.9, ["0.9 of 4 rows", "at least one row"]),
    ("binary", (X[:, :1], Y), ["validation X", "(4, 1)", "(rows, 2)"]),
    ("binary", (np.ones((4, 3)), Y), ["validation X", "(4, 3)", "(rows, 2)"]),
    ("binary", (X[0], Y[0]), ["validation X", "(2,)", "reshape"]),
    ("binary", (X[:0], Y[:0]), ["validation X", "no rows"]),
    ("binary", (X * np.nan, Y), ["validation X", "NaN", "finite"]),
    ("binary", (X, Y[:3]), ["validation y", "(3, 1)", "(4, 1)"]),
    ("binary", (X, 2 * Y), ["validation y", "0.0 to 2.0", "[0, 1]"]),
    ("binary", (X, None), ["validation y", "object", "real numbers"]),
    ("classifier", (X, LABELS + 1), ["validation y", "1 to 3", "0 to 2"]),
    ("classifier", (X, LABELS / 2), ["validation y", "float64", "whole numbers"]),
    ("classifier", (X, np.eye(4)), ["validation y", "(4, 4)", "(4, 3)"]),
    ("counts", (X, -Y), ["validation y", "-1.0", "below 0"]),
]


@pytest.mark.parametrize(("kind", "value", "fragments"), VALIDATIONS)
def test_validation(kind, value, fragments, seed):
    assert_train_refuses(kind, {"validation": value}, ["validation", *fragments], seed)


def test_a_fraction_of_rows_that_weigh_nothing():
    arguments = {"validation": 0.5, "sample_weight": [0, 0, 1, 0]}
    assert_train_refuses("binary", arguments, ["validation", "0.5 of 1 rows", "either side"])


ALL = list(map(repr, METRICS))
OF_CLASSES = ["'accuracy'", "'auc'", "'log_loss'"]
MONITORS = [
    ("binary", "acuracy", ["'acuracy'", "'loss'", *ALL, "did you mean 'accuracy'?"]),
    ("binary", 3, ["int", "'loss'", *ALL]),
    ("binary", ["accuracy"], ["list", *ALL]),
    ("binary", "mse ", ["'mse '", "did you mean 'mse'?"]),
    ("regression", "accuracy", ["'accuracy'", "'identity'", "'r2'", "'mae'"]),
    ("regression", "cross_entropy", ["'cross_entropy'", "'r2'"]),
    ("classifier", "r2", ["'r2'", "'softmax'", *OF_CLASSES]),
    ("counts", "auc", ["'auc'", "'softplus'", "'r2'"]),
]


@pytest.mark.parametrize(("kind", "value", "fragments"), MONITORS)
def test_monitor(kind, value, fragments, seed):
    _, y = KINDS[kind]
    for validation in ((X, y), 0.5):
        arguments = {"monitor": value, "validation": validation}
        assert_train_refuses(kind, arguments, ["monitor", *fragments], seed)


def test_the_mode_of_a_metric():
    def metric(y, prediction):
        return 0.0

    metric.mode = "largest"
    arguments = {"monitor": metric, "validation": (X, Y)}
    assert_train_refuses("binary", arguments, ["mode of metric metric", "'largest'", "'max'"])


def test_a_metric_that_this_validation_set_does_not_have(seed):
    arguments = {"monitor": "auc", "validation": (X[:2], Y[:2])}
    assert_train_refuses("binary", arguments, ["auc", "both classes"], seed)


@pytest.mark.parametrize("argument", ["monitor", "patience"])
def test_what_needs_a_validation_set(argument, seed):
    value = {"monitor": "loss", "patience": 3}[argument]
    fragments = [argument, repr(value), "expected a validation set"]
    assert_train_refuses("binary", {argument: value}, fragments, seed)


WHOLE_NUMBERS = [0, -1, 1.5, 2.0, np.nan, np.inf, "2", True, [2]]


@pytest.mark.parametrize("value", WHOLE_NUMBERS, ids=repr)
@pytest.mark.parametrize("argument", ["patience", "every", "batch_size"])
def test_whole_numbers_of_train(argument, value):
    options = {"validation": (X, Y)} if argument == "patience" else {}
    fragments = [argument, "whole number of at least 1"]
    assert_train_refuses("binary", {argument: value} | options, fragments)


SCHEDULES = [
    ("cosin", ["'cosin'", "'cosine'", "'one_cycle'", "'plateau'", "did you mean 'cosine'?"]),
    ("step", ["'step'", "parameters without a default", "Step(step_size=30"]),
    (0.1, ["float", "a name or an object"]),
    (schedules.Cosine, ["the class Cosine", "a name or an object"]),
    (optimizers.Adam(), ["Adam", "a name or an object"]),
    # Two epochs of two steps each.
    (schedules.Cosine(T_max=1), ["T_max=1", "ends after 2 steps", "the 4 steps"]),
    (schedules.OneCycle(epochs=1), ["epochs=1", "ends after 2 steps", "the 4 steps"]),
    (
        schedules.WarmUp(schedules.Cosine(T_max=1), steps=1),
        ["ends after 3 steps", "the 4 steps"],
    ),
]


@pytest.mark.parametrize(("value", "fragments"), SCHEDULES)
def test_schedule(value, fragments, seed):
    assert_train_refuses("binary", {"schedule": value}, ["schedule", *fragments], seed)


def test_a_schedule_that_a_second_call_would_outlast(backend):
    network = network_of((2, 3, 1), backend=backend, seed=0)
    schedule = schedules.Cosine(T_max=3)
    network.train(X, Y, 2, verbose=False, schedule=schedule)
    with assert_refused(network, "schedule", "after 3 steps", "the 4 steps", "2 of which"):
        network.train(X, Y, 2, verbose=False, schedule=schedule)
    network.train(X, Y, 1, verbose=False, schedule=schedule)


def test_a_schedule_counts_the_steps_of_the_rows_that_are_left():
    # Three of four rows: two steps of two rows, one of two rows: one.
    schedule = schedules.WarmUp(schedules.OneCycle(epochs=1), steps=1)
    arguments = {"schedule": schedule, "validation": 0.25, "epochs": 2}
    assert_train_refuses("binary", arguments, ["after 3 steps", "the 4 steps"])
    network_of((2, 3, 1)).train(
        X, Y, 2, verbose=False, batch_size=2, schedule=schedule, validation=0.5
    )


OPTIMIZERS = [
    ("rprop", ["batch_size is 2 for 4 rows", "Rprop", "None", "all rows"]),
    (optimizers.Rprop(), ["batch_size is 2 for 4 rows", "Rprop"]),
    ("addam", ["optimizer", "'addam'", *map(repr, optimizers.NAMES), "did you mean"]),
    (optimizers.Adam, ["optimizer", "the class Adam", "expected an optimizer"]),
    (0.1, ["optimizer", "float", *map(repr, optimizers.NAMES)]),
]


@pytest.mark.parametrize(("value", "fragments"), OPTIMIZERS)
def test_optimizer(value, fragments, seed):
    assert_train_refuses("binary", {"optimizer": value}, fragments, seed)


def test_rprop_takes_a_batch_of_all_rows():
    network = network_of((2, 3, 1), seed=0)
    network.train(X, Y, 2, verbose=False, optimizer="rprop", batch_size=4)
    network.train(X, Y, 2, verbose=False, optimizer="rprop", batch_size=2, validation=0.5)


class Callback:
    def on_epoch_end(self, network, history):
        raise AssertionError("called")


class Unlike:
    on_epoch_end = "a method"


CALLBACKS = [
    (3, ["int"]),
    ("on_epoch_end", ["str"]),
    (object(), ["object"]),
    ({"on_epoch_end": print}, ["dict"]),
    (iter([]), ["iterator"]),
    ([Callback(), None], ["NoneType"]),
    ([[Callback()]], ["list"]),
    (Unlike(), ["Unlike"]),
    (Callback, ["the class Callback"]),
    ([Callback(), Callback], ["the class Callback"]),
]


@pytest.mark.parametrize(("value", "fragments"), CALLBACKS)
def test_callbacks(value, fragments, seed):
    fragments = ["callbacks", *fragments, "(network, history)", "on_train_begin"]
    assert_train_refuses("binary", {"callbacks": value}, fragments, seed)


CHECKPOINTS = [
    ("{}/missing/network", ["missing", "a folder that exists"]),
    ("{}", ["a file in a folder"]),
    ("{}/", ["a file in a folder"]),
    ("", ["''", "a file in a folder"]),
    ("{}/a\0b", ["a file in a folder"]),
    (3, ["int", "the name of a file"]),
    (True, ["bool", "the name of a file"]),
    (["a"], ["list", "the name of a file"]),
]


@pytest.mark.parametrize(("value", "fragments"), CHECKPOINTS)
def test_checkpoint(value, fragments, tmp_path, seed):
    if isinstance(value, str):
        value = value.format(tmp_path)
    assert_train_refuses("binary", {"checkpoint": value}, ["checkpoint", *fragments], seed)
    assert list(tmp_path.iterdir()) == []


@named(
    [
        ("on_interrupt", "stop", ["'stop'", "'return'", "'raise'"]),
        ("on_interrupt", "rais", ["'rais'", "did you mean 'raise'?"]),
        ("on_interrupt", None, ["NoneType", "'return'", "'raise'"]),
        ("on_interrupt", True, ["bool", "'return'", "'raise'"]),
        ("verbose", "never", ["'never'", "True, False or 'always'"]),
        ("verbose", None, ["NoneType", "True, False or 'always'"]),
        ("verbose", 1.0, ["float", "True, False or 'always'"]),
        ("shuffle", "yes", ["str", "True or False"]),
    ]
)
def test_words_of_train(argument, value, fragments, seed):
    assert_train_refuses("binary", {argument: value}, [argument, *fragments], seed)


def test_both_backends_refuse_alike():
    for options in (
        {"sample_weight": [-1, 1, 1, 1]},
        {"validation": (X, 2 * Y)},
        {"validation": 0.1},
        {"patience": 3},
        {"monitor": "r3", "validation": 0.5},
        {"callbacks": 3},
        {"schedule": schedules.Cosine(T_max=1)},
    ):
        messages = []
        for backend in ("reference", "compiled"):
            network = network_of((2, 3, 1), backend=backend, dropout=0.5)
            with pytest.raises((ValueError, TypeError)) as caught:
                network.train(X, Y, 3, verbose=False, **options)
            messages.append((caught.type, str(caught.value)))
        assert messages[0] == messages[1]
