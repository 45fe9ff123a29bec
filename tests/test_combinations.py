"""Combinations of choices in which every two meet: exact gradients, and both paths together.

How they were chosen is said in `combinations`; what came out is a table at the end of the run.
"""

import contextlib
import pickle
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from fastnet import NeuralNetwork, Quantile
from fastnet.kernels import catalog
from fastnet.schedules import Cosine, Schedule

from .combinations import (
    CROSS_ENTROPIES,
    EXCLUDED,
    FACTORS,
    LOSSES,
    NOT_DROP_IN,
    OPTIMIZERS,
    REFUSED,
    ROWS,
    SCHEDULES,
    STEPS,
    Combination,
    allowed_pairs,
    covering,
    problem,
)
from .conftest import BACKENDS

COMBINATIONS = covering()
# Of a central difference: the rounding of the loss, eps / DISTANCE, is about DISTANCE^2 here,
# which is what the third derivative adds.
DISTANCE = np.finfo(np.float64).eps ** (1 / 3)
# What a step of training rounds, in roundings of the largest number of the run.
ROUNDINGS = 8
# So many roundings away from its start, a problem must still lead to the same end.
SHIFT = 32


def test_the_choices_are_all_there_are():
    kernels = {name: optimizer.kernel for name, optimizer in OPTIMIZERS.items() if optimizer}
    assert kernels == {name: name for name in catalog.OPTIMIZERS}
    made = {name: make(3).name for name, make in SCHEDULES.items() if name != "none"}
    known = {kind.name for kind in Schedule.__subclasses__()} - {"constant"}
    assert made == {name: name for name in known}


def test_every_two_choices_that_go_together_meet():
    every = {
        frozenset([(one, a), (other, b)])
        for one, other in combinations(FACTORS, 2)
        for a in FACTORS[one]
        for b in FACTORS[other]
    }
    met = {
        frozenset(pair)
        for combination in COMBINATIONS
        for pair in combinations(combination.choices.items(), 2)
    }
    assert every > EXCLUDED
    assert met == every - EXCLUDED == set(allowed_pairs())


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_the_gradient_is_the_slope_of_the_loss(combination, record_property):
    """On both paths: in the combination's dtype, against differences of the loss in float64."""
    made = problem(combination)
    data = {"X": made.X, **made.as_minimized}
    deviations = []
    for backend in BACKENDS:
        loss, slope = central_differences(made.network(backend, dtype="float64"), data)
        off = np.abs(made.network(backend).gradients(**data) - slope).max()
        # Of this size are the third derivatives, and what is summed up.
        deviations.append(off / (1 + abs(loss) + np.abs(slope).max()))
    deviation = float(np.max(deviations))
    record_property("combination", (combination, "gradient", deviation))
    assert deviation <= 16 * (DISTANCE**2 + np.finfo(combination.dtype).eps)


def central_differences(network, data):
    """The loss of the network as it is, and its slope by each parameter."""
    start, sides = network.parameters.copy(), np.empty((2, network.parameters.size))
    for side, distance in zip(sides, (DISTANCE, -DISTANCE), strict=True):
        for place in range(start.size):
            network.parameters[place] = start[place] + distance
            side[place] = network.loss(**data)
            network.parameters[place] = start[place]
    return network.loss(**data), (sides[0] - sides[1]) / (2 * DISTANCE)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_both_paths_train_alike(combination, record_property):
    made, reference = well_conditioned(combination)
    compiled = Trained(made, "compiled")
    deviation = np.abs(compiled.network.parameters - reference.network.parameters).max()
    record_property("combination", (combination, "training", float(deviation)))
    assert compiled.distance(reference) <= 1
    assert compiled.history.learning_rate == reference.history.learning_rate
    # All of it means something only where training went somewhere.
    assert reference.steps >= STEPS
    assert np.abs(reference.network.parameters - made.parameters).max() > 5e-3
    is_first_loss_certain = (
        combination.batch in ("full", "larger")
        and combination.optimizer != "drop-in"
        and combination.regularizer not in ("dropout", "input_dropout")
        and combination.data != "input_noise"
    )
    if is_first_loss_certain:
        eps = float(np.finfo(combination.dtype).eps)
        for run in (reference, compiled):
            first = made.network(run.network.backend).loss(made.X, **made.as_minimized)
            assert run.history[0] == pytest.approx(first, rel=ROUNDINGS * eps)


class Trained:
    """A problem's network after its training."""

    def __init__(self, made, backend, **changes):
        self.network = made.network(backend, **changes)
        self.history, self.steps = made.train(self.network)

    def distance(self, other):
        """From another training, in what the roundings of all steps may add up to."""
        allowed = ROUNDINGS * self.steps * np.finfo(self.network.dtype).eps
        pairs = (
            (self.network.parameters, other.network.parameters),
            (self.history, other.history),
        )
        # Not Python's max, which loses a NaN.
        return np.max(
            [np.abs(np.subtract(a, b)).max() / (allowed * np.abs(b).max()) for a, b in pairs]
        )


def well_conditioned(combination):
    """(problem, its training on the reference path), of which no rounding decides the end.

    Where a gradient is 0 but for rounding, "lion" and "rprop" make a whole step of its sign, and
    "rmsprop" and its kin nearly so; where a weight, a logit or an error is, the derivative of l1,
    of "relu" or of "mae" is another. The reference path shows it by itself: from starts that are
    a few roundings away, to either side, it comes to other ends. Such a problem says nothing
    about the compiled path, and the next one is tried.
    """
    for seed in range(20):
        made = problem(combination, seed)
        reference = Trained(made, "reference")
        start = made.parameters
        signs = np.random.default_rng(seed).choice((-1, 1), start.shape).astype(start.dtype)
        shift = SHIFT * np.finfo(start.dtype).eps * signs * start
        around = (Trained(made, "reference", init=start + side) for side in (shift, -shift))
        if all(run.distance(reference) <= 1 for run in around):
            return made, reference
    raise AssertionError(f"no problem of {combination} keeps its end when its start is shifted")


# ------------------------------------------------------------------- what does not go together


def choices_of(pair):
    return "-".join(choice for _, choice in sorted(pair))


@pytest.mark.parametrize("pair", NOT_DROP_IN, ids=choices_of)
def test_what_is_not_for_the_drop_in_takes_the_exact_gradient(pair):
    ends = with_and_without_a_name(Combination(**dict(pair)))
    assert np.array_equal(*ends)


@pytest.mark.parametrize("loss", CROSS_ENTROPIES)
def test_the_drop_in_takes_a_step_of_its_own(loss):
    ends = with_and_without_a_name(Combination(optimizer="drop-in", loss=loss))
    assert np.abs(ends[0] - ends[1]).max() > 1e-4


def with_and_without_a_name(combination):
    """The parameters after a training with optimizer=None and one with "sgd"."""
    made, ends = problem(combination), []
    for optimizer in ("drop-in", "sgd"):
        chosen = replace(combination, optimizer=optimizer)
        ends.append(Trained(replace(made, combination=chosen), "compiled").network.parameters)
    return ends


@contextlib.contextmanager
def refused(network, *fragments):
    """The block raises one sentence with all of these, and the network stays as it was."""
    before = pickle.dumps(network)
    with pytest.raises((ValueError, TypeError)) as caught:
        yield
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert ". " not in message
    assert pickle.dumps(network) == before


# Data -> the argument that is wrong.
REFUSED_AS = {
    "label_smoothing": "label_smoothing",
    "class_weight": "class_weight",
    "both_weights": "class_weight",
}


@pytest.mark.parametrize("pair", REFUSED, ids=choices_of)
def test_choices_that_do_not_go_together(pair):
    choices = dict(pair)
    made = problem(Combination(**choices))
    network = made.network("compiled")
    fragments = ["batch_size", "Rprop"] if "batch" in choices else [REFUSED_AS[choices["data"]]]
    with refused(network, *fragments):
        made.train(network)


@pytest.mark.parametrize("output", catalog.OUTPUT_ACTIVATIONS)
@pytest.mark.parametrize("loss", catalog.OUTPUTS_OF_LOSS)
def test_outputs_of_a_loss(loss, output):
    if f"{loss}/{output}" in LOSSES:
        network = NeuralNetwork([3, 4, 2], loss=loss, output=output)
        assert network.predict(np.ones((5, 3))).shape == (5, 2)
        return
    known = map(repr, catalog.OUTPUTS_OF_LOSS[loss])
    with refused(None, f"loss {loss!r}", f"output {output!r}", *known):
        NeuralNetwork([3, 4, 2], loss=loss, output=output)


UNFIT_NETWORKS = {
    "activations": ({"hidden": ["tanh"]}, ["hidden", "1 activations", "2"]),
    "rates": ({"dropout": [0.1, 0.1]}, ["dropout", "2 rates", "3"]),
    "a rate for each unit": ({"dropout": [0.1] * 4}, ["dropout", "4 rates", "3"]),
    "quantiles": ({"loss": Quantile((0.1, 0.9))}, ["loss", "2 quantiles", "3 outputs"]),
    "one class": ({"layer_sizes": [3, 1], "output": "softmax"}, ["output", "'softmax'", "one"]),
    "no hidden layer": ({"layer_sizes": [3, 1], "hidden": ["relu"]}, ["hidden", "expected 0"]),
}


@pytest.mark.parametrize("name", UNFIT_NETWORKS)
def test_networks_that_do_not_fit(name):
    choices, fragments = UNFIT_NETWORKS[name]
    with refused(None, *fragments):
        NeuralNetwork(**{"layer_sizes": [3, 5, 4, 3]} | choices)


NUMBERS = np.linspace(-1, 2, ROWS)
BINARY, LABELS = np.arange(ROWS) % 2, np.arange(ROWS) % 3
# The network's output, and what is trained.
UNFIT_TRAININGS = {
    "a share above 1": ("sigmoid", NUMBERS, {}, ["y", "-1.0 to 2.0", "[0, 1]"]),
    "accuracy of numbers": (
        "identity",
        NUMBERS,
        {"validation": 0.2, "monitor": "accuracy"},
        ["monitor", "'accuracy'", "'identity'", "'r2'"],
    ),
    "r2 of classes": (
        "softmax",
        LABELS,
        {"validation": 0.2, "monitor": "r2"},
        ["monitor", "'r2'", "'softmax'", "'accuracy'"],
    ),
    "monitor of nothing": ("softmax", LABELS, {"monitor": "f1"}, ["monitor", "validation"]),
    "patience for nothing": ("softmax", LABELS, {"patience": 3}, ["patience", "validation"]),
    "no row held out": ("softmax", LABELS, {"validation": 0.01}, ["validation", "0.01", "23 rows"]),
    "weights of no class": ("softmax", LABELS, {"class_weight": {3: 1.0}}, ["class_weight", "3"]),
    "weights of shares": (
        "sigmoid",
        BINARY / 2,
        {"class_weight": "balanced"},
        ["class_weight", "one class a row"],
    ),
    "weights of two outputs": (
        "sigmoid",
        np.stack([BINARY, BINARY], axis=1),
        {"class_weight": "balanced"},
        ["class_weight", "single sigmoid output"],
    ),
    "weights of fewer rows": (
        "softmax",
        LABELS,
        {"sample_weight": np.ones(ROWS - 1)},
        ["sample_weight", "(22,)", "(23,)"],
    ),
    "a schedule that ends": (
        "softmax",
        LABELS,
        {"epochs": 3, "schedule": Cosine(2)},
        ["schedule", "2 steps", "3 steps"],
    ),
    "a schedule that ends in a batch": (
        "softmax",
        LABELS,
        {"epochs": 3, "schedule": Cosine(2), "batch_size": 9},
        ["schedule", "6 steps", "9 steps"],
    ),
    "a step on all rows but one": (
        "softmax",
        LABELS,
        {"optimizer": "rprop", "batch_size": ROWS - 1},
        ["batch_size", "22 for 23 rows", "Rprop"],
    ),
}


@pytest.mark.parametrize("name", UNFIT_TRAININGS)
def test_trainings_that_do_not_fit(name):
    output, y, options, fragments = UNFIT_TRAININGS[name]
    n_out = 3 if output == "softmax" else y[0].size
    network = NeuralNetwork([3, 4, n_out], output=output, seed=0)
    X = np.random.default_rng(0).standard_normal((ROWS, 3))
    with refused(network, *fragments):
        network.train(X, y, **{"epochs": 2, "verbose": False} | options)


@pytest.mark.parametrize(
    "choices",
    [{"loss": "mse", "output": "sigmoid"}, {"output": "identity"}, {"dropout": 0.1}, {"l2": 0.1}],
    ids=str,
)
def test_backward_is_for_the_drop_in_alone(choices):
    network = NeuralNetwork([3, 4, 1], **choices)
    X, y = np.ones((5, 3)), np.ones((5, 1))
    network.forward(X)
    with refused(network, "backward", "cross-entropy"):
        network.backward(X, y)
