"""200 steps of whole networks, on both paths, against PyTorch: where it is, and as it went."""

import functools

import numpy as np
import pytest

from fastnet import NeuralNetwork, optimizers, schedules
from fastnet.kernels import catalog

from .trajectories import networks
from .trajectories.networks import CASES, ROWS, STEPS, X, Y


@functools.cache
def trained(name, backend):
    """The parameters at the end, and the history."""
    return train(CASES[name], backend, CASES[name].start)


def train(case, backend, start):
    network = NeuralNetwork(
        case.layer_sizes,
        hidden=case.hidden,
        output=case.output,
        loss=case.loss,
        init=start,
        backend=backend,
        **case.network,
    )
    history = network.train(X, Y[case.y], verbose=False, shuffle=False, **case.arguments)
    return network.parameters, history


def assert_follows(run, other, tolerance):
    """Relative to the size of the parameters, and to each loss."""
    (parameters, losses), (expected, expected_losses) = run, other
    distance = np.linalg.norm(parameters - expected)
    assert distance <= tolerance * np.linalg.norm(expected)
    np.testing.assert_allclose(losses, expected_losses, rtol=tolerance)


@functools.cache
def stored():
    return networks.stored()


@functools.cache
def by_pytorch(name):
    pytest.importorskip("torch")
    from .trajectories.make_networks import trajectory

    return trajectory(CASES[name])


# The roundings of 200 steps grow to 1e-13 at most here; any other formula is further away.


@pytest.mark.parametrize("name", CASES)
def test_200_steps_go_where_pytorch_went(name, backend):
    assert_follows(trained(name, backend), stored()[name], 1e-10)


@pytest.mark.parametrize("name", CASES)
def test_200_steps_go_where_pytorch_goes(name, backend):
    assert_follows(trained(name, backend), by_pytorch(name), 1e-10)


# ----------------------------------------------------------------------- what the cases must be


@pytest.mark.parametrize("name", CASES)
def test_no_rounding_decides(name, rng):
    """Some losses, activations and updates have kinks, but no case comes that near to one.

    From a start that is off by 8 roundings it ends where it would have, to a tenth of the bound.
    """
    case = CASES[name]
    signs = rng.choice([-1.0, 1.0], len(case.start))
    start = case.start * (1 + 8 * np.finfo(float).eps * signs)
    assert_follows(train(case, "reference", start), trained(name, "reference"), 1e-11)


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_200_steps_and_a_schedule_that_moves(name):
    arguments = CASES[name].arguments
    assert arguments["epochs"] * -(-ROWS // (arguments["batch_size"] or ROWS)) == STEPS
    rates = set(trained(name, "reference")[1].learning_rate)
    assert (len(rates) > 1) == ("schedule" in arguments)


def test_no_two_cases_are_one():
    """Every choice made a difference, so a path that ignores it is found out."""
    ends = [parameters for parameters, _ in stored().values()]
    for i, end in enumerate(ends):
        for other in ends[:i]:
            if len(other) == len(end):
                assert np.linalg.norm(end - other) > 1e-6 * np.linalg.norm(end)


def test_every_choice_has_a_case():
    """Activations, losses and named optimizers are taken from the catalog."""
    arguments = [case.arguments for case in CASES.values()]
    kernels = {optimizers.resolve(given["optimizer"] or "sgd", 1).kernel for given in arguments}
    assert kernels == set(catalog.OPTIMIZERS)
    kinds = {type(schedules.resolve(given.get("schedule"), 1)) for given in arguments}
    assert kinds == set(schedules.Schedule.__subclasses__())
    assert set(stored()) == set(CASES)
