"""A training in parts is the training in one: through calls, copies, files and other processes."""

import contextlib
import copy
import json
import os
import pickle
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numba
import numpy as np
import pytest

from fastnet import Activation, Huber, Loss, NeuralNetwork, Quantile, files, optimizers, schedules
from fastnet.training.state import TrainingState

from .conftest import BACKENDS

ROOT = Path(__file__).resolve().parent.parent
DTYPES = ("float64", "float32")
BEFORE, EPOCHS = 2, 10

_rng = np.random.default_rng(20261121)
# With batches of 7 an epoch is four steps, the last of them of two rows.
X = _rng.standard_normal((23, 3))
Y = _rng.random((23, 2)) / 3
LABELS = _rng.integers(0, 2, 23)
HELD_OUT = _rng.standard_normal((11, 3)), _rng.random((11, 2)) / 3
WEIGHTS = _rng.integers(0, 3, 23)
# The better a network is on Y, the worse it is on these.
OPPOSITE = X, 1 - Y

CLASSIFIER = {"output": "softmax"}
REGRESSION = {"output": "identity", "hidden": "tanh"}
DROPOUT = {"dropout": [0.2, 0.4], "hidden": "tanh"}
BATCHES = {"batch_size": 7}
FALLING = schedules.ReduceOnPlateau(patience=0, threshold=0.02, factor=0.5)

# Name -> (what the network is, how it is trained). They are trained on LABELS where the output is
# softmax, else on Y.
SCENARIOS = {
    "drop-in": ({}, {}),
    "drop-in, batches": ({}, BATCHES),
    "batches in order": ({}, {**BATCHES, "shuffle": False, "optimizer": "sgd"}),
    "whole": (CLASSIFIER, {"optimizer": "adam"}),
    **{f"{name}": ({}, {**BATCHES, "optimizer": name}) for name in optimizers.NAMES[:-1]},
    "rprop": ({}, {"optimizer": "rprop"}),
    "centered": ({}, {**BATCHES, "optimizer": optimizers.RMSprop(0.01, 0.9, 1e-6, 0.5, True)}),
    "adagrad that decays": ({}, {**BATCHES, "optimizer": optimizers.Adagrad(0.1, 0.1, 0.2)}),
    **{
        f"schedule {schedule.name}": (
            REGRESSION,
            {**BATCHES, "optimizer": "momentum", "schedule": schedule},
        )
        for schedule in (
            schedules.Step(3),
            schedules.MultiStep((2, 6), 0.5),
            schedules.Exponential(0.9),
            schedules.Cosine(EPOCHS),
            schedules.CosineRestarts(2, 2),
            schedules.OneCycle(EPOCHS),
            schedules.InverseScaling(),
            FALLING,
        )
    },
    # 4 steps an epoch: they end in the third epoch, and with the sixth.
    "warm-up of steps": ({}, {**BATCHES, "schedule": schedules.WarmUp(FALLING, steps=9)}),
    "warm-up of epochs": (
        {},
        {**BATCHES, "schedule": schedules.WarmUp(schedules.OneCycle(4), epochs=6)},
    ),
    "dropout": (DROPOUT, {**BATCHES, "optimizer": "sgd"}),
    "dropout, whole": (DROPOUT, {}),
    "noise": ({}, {**BATCHES, "input_noise": 0.3, "shuffle": False}),
    "noise, whole": ({}, {"input_noise": 0.3}),
    "penalties": ({"l1": 1e-3, "l2": 1e-2, "max_norm": 0.8}, BATCHES),
    "clipping": (REGRESSION, {**BATCHES, "clip_norm": 0.1, "clip_value": 0.05}),
    "weights": ({}, {**BATCHES, "sample_weight": WEIGHTS}),
    "classes": (
        CLASSIFIER,
        {**BATCHES, "class_weight": "balanced", "label_smoothing": 0.1, "optimizer": "adamw"},
    ),
    "average": ({}, {**BATCHES, "average": 0.9}),
    "validation": (REGRESSION, {**BATCHES, "validation": HELD_OUT, "optimizer": "adam"}),
    "validation by r2": (REGRESSION, {"validation": HELD_OUT, "monitor": "r2", "min_delta": 1e-3}),
    "fraction": ({}, {**BATCHES, "validation": 0.3}),
    "fraction of labels": (
        CLASSIFIER,
        {**BATCHES, "validation": 0.3, "monitor": "accuracy", "average": 0.8},
    ),
    "fraction by weight": ({}, {**BATCHES, "validation": 0.3, "sample_weight": WEIGHTS}),
    "plateau of a metric": (
        REGRESSION,
        {**BATCHES, "validation": OPPOSITE, "monitor": "mae", "schedule": FALLING},
    ),
    "best at first": ({}, {**BATCHES, "validation": OPPOSITE, "average": 0.5}),
    "patience": ({}, {**BATCHES, "validation": OPPOSITE, "patience": 7, "average": 0.5}),
    "all": (
        {**DROPOUT, "output": "softmax", "l2": 1e-3, "max_norm": 2.0},
        {
            **BATCHES,
            "optimizer": "nadam",
            "schedule": schedules.WarmUp(schedules.Cosine(9), steps=3),
            "average": 0.9,
            "validation": 0.25,
            "monitor": "log_loss",
            "patience": 9,
            "input_noise": 0.1,
            "clip_norm": 1.0,
            "label_smoothing": 0.05,
        },
    ),
}


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


@pytest.fixture(params=SCENARIOS)
def scenario(request):
    return request.param


def made(scenario, backend, dtype):
    """A network that was trained before, so that nothing begins at the first step of all."""
    network = NeuralNetwork(
        [3, 8, 2], **SCENARIOS[scenario][0], dtype=dtype, backend=backend, seed=3
    )
    network.train(X, targets(network), BEFORE, 1e-3, False, batch_size=5, shuffle=False)
    return network


def targets(network):
    return LABELS if network._plan.takes_labels else Y


def trained(network, scenario, epochs, **more):
    """The history of so many epochs of the scenario."""
    how = {**SCENARIOS[scenario][1], **more}
    return network.train(X, targets(network), epochs, 0.3, False, **how)


def noted(*histories):
    """All that histories say of their epochs, one after the other, but how long they took."""
    whole = {"stopped_by": histories[-1].stopped_by}
    for history in histories:
        lists = history.as_dict()
        lists |= lists.pop("metrics")
        for name in lists.keys() - {"seconds", "best_epoch", "stopped_by"}:
            whole[name] = whole.get(name, []) + lists[name]
    return whole


def content(value):
    """A value of a state, so that == compares its bits."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return value


def everything(network):
    """What tells this network from any other, and all that its training goes on from."""
    state = {f.name: content(getattr(network._state, f.name)) for f in fields(TrainingState)}
    # The first number is the rate of the last step, which is nobody's state.
    state["numbers"] = network._state.numbers[1:].tolist()
    generator = None if network._rng is None else str(network._rng.bit_generator.state)
    return {"parameters": content(network.parameters), "generator": generator, **state}


def assert_same(network, other):
    assert network._plan == other._plan
    got, expected = everything(network), everything(other)
    assert [name for name in expected if got[name] != expected[name]] == []


# ----------------------------------------------------------------------------- parts and the whole


def test_two_calls_are_one(scenario, backend, dtype):
    whole, parts = made(scenario, backend, dtype), made(scenario, backend, dtype)
    at_once = trained(whole, scenario, EPOCHS)
    histories = [trained(parts, scenario, epochs) for epochs in (5, EPOCHS - 5)]
    assert_same(parts, whole)
    assert noted(*histories) == noted(at_once)
    assert len(at_once) == (8 if scenario == "patience" else EPOCHS)
    assert whole.epochs_trained == BEFORE + len(at_once)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle])
def test_copies_go_on_by_themselves(copied, scenario, backend):
    whole, first = made(scenario, backend, "float64"), made(scenario, backend, "float64")
    at_once = trained(whole, scenario, EPOCHS)
    history = trained(first, scenario, 4)
    second = pickle.loads(pickle.dumps(first)) if copied is pickle else copied(first)
    assert_same(second, first)
    before = everything(first)
    # A plain copy shares the generator, which is not drawn from any more.
    assert noted(history, trained(second, scenario, EPOCHS - 4)) == noted(at_once)
    assert_same(second, whole)
    assert everything(first) == before
    trained(first, scenario, EPOCHS - 4)
    assert_same(first, whole)


def test_a_file_goes_on(scenario, backend, dtype, tmp_path):
    whole, first = made(scenario, backend, dtype), made(scenario, backend, dtype)
    trained(whole, scenario, EPOCHS)
    trained(first, scenario, 3)
    first.save(tmp_path / "third")
    second = NeuralNetwork.load(tmp_path / "third", backend=backend)
    assert_same(second, first)
    trained(second, scenario, 3)
    second.save(tmp_path / "sixth")
    third = NeuralNetwork.load(tmp_path / "sixth", backend=backend)
    trained(third, scenario, EPOCHS - 6)
    assert_same(third, whole)


def go_on_in_folder(folder, backend):
    """In another process: finish what was begun in the files there."""
    losses = {}
    for dtype in DTYPES:
        for scenario in SCENARIOS:
            name = f"{scenario}, {dtype}"
            network = NeuralNetwork.load(Path(folder) / name, backend=backend)
            losses[name] = trained(network, scenario, BEFORE + EPOCHS - network.epochs_trained)
            network.save(Path(folder) / name)
    print(json.dumps(losses))


def test_another_process_goes_on(backend, tmp_path):
    whole_runs, expected = {}, {}
    for dtype in DTYPES:
        for scenario in SCENARIOS:
            name = f"{scenario}, {dtype}"
            whole, half = made(scenario, backend, dtype), made(scenario, backend, dtype)
            losses = trained(whole, scenario, EPOCHS)
            whole_runs[name] = whole
            expected[name] = losses[len(trained(half, scenario, 5)) :]
            half.save(tmp_path / name)
    code = f"from {__name__} import *; go_on_in_folder({str(tmp_path)!r}, {backend!r})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert json.loads(child.stdout) == expected
    for name, whole in whole_runs.items():
        assert_same(NeuralNetwork.load(tmp_path / name, backend=backend), whole)


def test_a_checkpoint_is_what_save_writes_after_as_many_epochs(scenario, backend, tmp_path):
    path, seen = tmp_path / "checkpoint", {}
    every = 1 if scenario == "all" else 3

    def look(network, history):
        # The callback comes before the checkpoint of its epoch.
        if path.exists():
            seen[len(history) - 1] = NeuralNetwork.load(path, backend=backend)

    network = made(scenario, backend, "float64")
    history = trained(network, scenario, EPOCHS, callbacks=look, checkpoint=path, every=every)
    assert list(seen) == list(range(every, len(history)))
    for epoch, loaded in seen.items():
        other = made(scenario, backend, "float64")
        trained(other, scenario, epoch - epoch % every)
        assert_same(loaded, other)
    assert_same(NeuralNetwork.load(path, backend=backend), network)


def test_no_epochs_change_nothing(scenario, backend):
    network, other = made(scenario, backend, "float64"), made(scenario, backend, "float64")
    trained(network, scenario, 4)
    trained(other, scenario, 4)
    assert trained(network, scenario, 0) == []
    assert_same(network, other)


def test_the_scenarios_are_what_they_are_called():
    """What could be equal for the wrong reason: nothing random, best, or scheduled in it."""
    runs = {}
    for name in SCENARIOS:
        network = made(name, "reference", "float64")
        runs[name] = network, trained(network, name, EPOCHS)
    for name, (network, history) in runs.items():
        state = network._state
        rates = set(history.learning_rate)
        assert (len(rates) > 1) == ("schedule" in SCENARIOS[name][1]), name
        assert (state.best is not None) == ("validation" in SCENARIOS[name][1]), name
    results = {(*history, *network.parameters) for network, history in runs.values()}
    assert len(results) == len(runs)
    assert runs["nadam"][0]._state.numbers[-1] != 1
    assert 0 < runs["validation"][1].best_epoch < EPOCHS
    assert runs["best at first"][1].best_epoch == 0
    assert runs["patience"][1].stopped_by == "patience"


# ---------------------------------------------------------------------- what goes on, what does not


def simple(optimizer="adam", epochs=3, rate=0.1, network=None, **more):
    """A network trained without anything random, and its history."""
    network = network or NeuralNetwork([3, 8, 2], hidden="tanh", backend="reference", seed=3)
    return network, network.train(X, Y, epochs, rate, False, optimizer=optimizer, **more)


def fresh(parameters):
    """A network with these parameters that was never trained."""
    network = NeuralNetwork([3, 8, 2], hidden="tanh", backend="reference", seed=4)
    network.parameters = parameters
    return network


@pytest.mark.parametrize("how", [{"average": 0.9}, {"validation": OPPOSITE}])
def test_it_goes_on_from_the_last_step(how, backend):
    network = NeuralNetwork([3, 8, 2], backend=backend, seed=3)
    last = []
    note = {"callbacks": lambda network, history: last.append(network.parameters.copy())}
    network.train(X, Y, 3, 0.3, False, optimizer="sgd", **how, **note)
    assert not np.array_equal(network.parameters, last[-1])
    other = copy.deepcopy(network)
    # A learning rate of 0 shows where a training begins, no epochs where an average does.
    network.train(X, Y, 1, 0.0, False, optimizer="sgd")
    assert np.array_equal(network.parameters, last[-1])
    if "average" not in how:
        other.train(X, Y, 0, 0.0, False, optimizer="sgd", average=0.5)
        assert np.array_equal(other.parameters, last[-1])


@pytest.mark.parametrize("changed", ["in place", "one of them", "assigned"])
@pytest.mark.parametrize("how", [{"average": 0.9}, {"validation": HELD_OUT}])
def test_it_starts_from_what_was_changed_by_hand(how, changed, backend):
    network = NeuralNetwork([3, 8, 2], backend=backend, seed=3)
    network.train(X, Y, 3, 0.3, False, optimizer="sgd", **how)
    best = network.loss(*HELD_OUT)
    if changed == "in place":
        network.weights[1][...] *= -1
    elif changed == "one of them":
        network.parameters[-1] += 1
    else:
        network.parameters = np.linspace(-1, 1, network.parameters.size)
    mine = network.parameters.copy()
    assert network.loss(*HELD_OUT) > 1.05 * best
    # Neither the average nor the best so far, which was better, comes back.
    network.train(X, Y, 2, 0.0, False, optimizer="sgd", **how)
    assert np.array_equal(network.parameters, mine)


def test_assigning_the_same_numbers_changes_nothing():
    whole, _ = simple(epochs=6, average=0.9)
    network, _ = simple(average=0.9)
    network.parameters = network.parameters.copy()
    simple(network=network, average=0.9)
    assert_same(network, whole)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "momentum"])
def test_changed_by_hand_the_optimizer_goes_on(optimizer):
    network, _ = simple(optimizer)
    other = copy.deepcopy(network)
    network.parameters[0] += 1
    simple(optimizer, network=network)
    other._parameters[0] += 1
    other._state.last = other._state.held = None
    simple(optimizer, network=other)
    assert_same(network, other)
    assert network._state.optimizer_since == 0


def test_after_patience_it_starts_from_the_best(backend):
    network = NeuralNetwork([3, 8, 2], backend=backend, seed=3)
    how = {"optimizer": "sgd", "validation": OPPOSITE, "average": 0.5}
    assert network.train(X, Y, 9, 0.3, False, **how, patience=2).stopped_by == "patience"
    best = network.parameters.copy()
    # An average starts from there, too.
    network.train(X, Y, 1, 0.0, False, optimizer="sgd", average=0.5)
    assert np.array_equal(network.parameters, best)


def test_reset_training_forgets_all_but_the_parameters():
    how = {"schedule": schedules.Exponential(0.5), "average": 0.9, "validation": HELD_OUT}
    network, _ = simple(**how)
    parameters = network.parameters.copy()
    network.reset_training()
    assert (network.epochs_trained, network.parameters.tolist()) == (0, parameters.tolist())
    other = fresh(parameters)
    assert noted(simple(network=network, **how)[1]) == noted(simple(network=other, **how)[1])
    network._rng = other._rng
    assert_same(network, other)


def test_reset_training_draws_another_order():
    orders = []
    for reset in (False, True):
        network = NeuralNetwork([3, 8, 2], backend="reference", seed=3)
        network.train(X, Y, 0, verbose=False, batch_size=7)
        network.train(X, Y, 1, 0.3, False, batch_size=7)
        start = network.parameters.copy()
        if reset:
            network.reset_training()
        network.train(X, Y, 1, 0.3, False, batch_size=7)
        orders.append((start.tolist(), network.parameters.tolist()))
    assert orders[0][0] == orders[1][0]
    assert orders[0][1] != orders[1][1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("adam", "momentum"),
        ("adam", "amsgrad"),
        ("momentum", "nesterov"),
        ("rprop", "adam"),
        ("adam", "sgd"),
    ],
)
def test_another_optimizer_starts_anew(first, second):
    network, _ = simple(first)
    parameters = network.parameters.copy()
    simple(second, network=network)
    other, _ = simple(second, network=fresh(parameters))
    assert np.array_equal(network.parameters, other.parameters)
    # The first one, when it comes back, has forgotten as well.
    simple(first, network=network)
    simple(first, network=other)
    assert np.array_equal(network.parameters, other.parameters)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "momentum", "adagrad", "rmsprop"])
def test_another_learning_rate_keeps_the_optimizers_state(optimizer):
    network, _ = simple(optimizer, rate=0.125)
    parameters = network.parameters.copy()
    simple(optimizer, rate=0.0625, network=network)
    halving = schedules.MultiStep((3,), 0.5)
    whole, history = simple(optimizer, 6, 0.125, schedule=halving)
    assert history.learning_rate[-1] == 0.0625
    assert np.array_equal(network.parameters, whole.parameters)
    anew, _ = simple(optimizer, rate=0.0625, network=fresh(parameters))
    assert not np.array_equal(anew.parameters, whole.parameters)


def test_other_numbers_of_the_optimizer_keep_its_state():
    network, _ = simple(optimizers.Adam(0.1))
    slots = network._state.slots.copy()
    simple(optimizers.Adam(0.0, (0.5, 0.5)), 0, network=network)
    assert np.array_equal(network._state.slots, slots)
    simple(optimizers.Adam(0.0, (0.5, 0.5)), 1, network=network)
    gradient = network.gradients(X, Y)
    np.testing.assert_allclose(network._state.slots[0], (slots[0] + gradient) / 2, rtol=1e-14)
    assert network._state.optimizer_since == 0


def test_another_schedule_starts_anew_and_the_same_goes_on():
    network, history = simple("sgd", schedule=schedules.Exponential(0.5), rate=1.0)
    assert history.learning_rate == [1, 0.5, 0.25]
    history = simple("sgd", network=network, schedule=schedules.Exponential(0.5), rate=1.0)[1]
    assert history.learning_rate == [0.125, 0.0625, 0.03125]
    history = simple("sgd", network=network, schedule=schedules.Step(2, 0.25), rate=1.0)[1]
    assert history.learning_rate == [1, 1, 0.25]
    history = simple("sgd", network=network, schedule=schedules.Exponential(0.5), rate=1.0)[1]
    assert history.learning_rate == [1, 0.5, 0.25]


def test_an_average_starts_anew_where_there_was_none():
    network, _ = simple("sgd", average=0.9)
    simple("sgd", network=network)
    other = fresh(network.parameters)
    simple("sgd", network=network, average=0.9)
    simple("sgd", network=other, average=0.9)
    assert np.array_equal(network.parameters, other.parameters)


# ------------------------------------------------------------------------------------------ files


CUBE = Activation(
    "cube",
    lambda z: z**3,
    lambda z: 3 * z**2,
    numba.njit(lambda z: z**3),
    numba.njit(lambda z: 3 * z**2),
)
# As a name of the catalog, which it must not be mistaken for.
RELU = Activation("relu", lambda z: z / 2, lambda z: z * 0 + 0.5)
FOURTH = Loss("fourth", lambda a, t: (a - t) ** 4, lambda a, t: 4 * (a - t) ** 3)
MSE = Loss("mse", lambda a, t: (a - t) ** 4, lambda a, t: 4 * (a - t) ** 3)
OWN = [RELU, CUBE, MSE, FOURTH]

NETWORKS = [
    {},
    {"layer_sizes": [3, 2]},
    {"layer_sizes": (3, 4, 5, 6, 2), "hidden": ["gelu", "relu", "softplus"]},
    {"layer_sizes": np.array([3, 4, 4, 2]), "hidden": ["mish", CUBE]},
    {"hidden": RELU},
    {"hidden": "relu"},
    *({"loss": loss} for loss in ("mse", "mae", "quantile", "poisson", FOURTH, MSE)),
    {"loss": FOURTH, "output": "tanh"},
    {"loss": "mse", "output": "softmax"},
    {"loss": Huber(0.3)},
    {"loss": Huber(2), "output": "softplus"},
    {"loss": Quantile(0.9), "layer_sizes": [3, 1]},
    {"loss": Quantile([0.1, 0.8]), "layer_sizes": [3, 5, 4]},
    {"output": "softmax", "dropout": 0.5},
    {"dropout": [0.1, 0.2, 0.3], "layer_sizes": [3, 4, 4, 2]},
    {"l1": 0.1, "l2": 1 / 3},
    {"max_norm": 0.7},
    {"dtype": "float32", "init": "glorot_uniform"},
    {"seed": 2**100},
    *(
        {"seed": np.random.Generator(kind(5))}
        for kind in (
            np.random.PCG64,
            np.random.PCG64DXSM,
            np.random.MT19937,
            np.random.Philox,
            np.random.SFC64,
        )
    ),
    {"seed": None},
]


@pytest.mark.parametrize("options", NETWORKS, ids=str)
def test_every_network_comes_back(options, tmp_path):
    options = {"layer_sizes": [3, 6, 2], "backend": "reference", "seed": 1, **options}
    network = NeuralNetwork(**options)
    if isinstance(options["seed"], np.random.Generator):
        # Half of 64 bits are left over for the next draw.
        options["seed"].integers(0, 100, dtype=np.uint32)
    network.save(tmp_path / "network")
    np.random.seed(7)
    loaded = NeuralNetwork.load(tmp_path / "network", custom=OWN, backend="reference")
    assert_same(loaded, network)
    assert (repr(loaded), type(loaded.layer_sizes)) == (repr(network), tuple)
    n_targets = network.layer_sizes[-1] // network._plan.outputs_per_target
    y = np.full((23, n_targets), 1 / n_targets)
    results = []
    for one in (loaded, network):
        np.random.seed(7)
        losses = one.train(X, y, 2, 0.01, False, batch_size=7)
        results.append((losses, one.predict(X).tolist(), everything(one)))
    assert results[0] == results[1]


def test_a_file_is_of_no_backend(backend, tmp_path):
    networks = [NeuralNetwork([3, 8, 2], backend=path, seed=1) for path in BACKENDS]
    for network in networks:
        network.save(tmp_path / network.backend)
    written = [(tmp_path / network.backend).read_bytes() for network in networks]
    assert written[0] == written[1]
    assert NeuralNetwork.load(tmp_path / "reference", backend=backend).backend == backend


def test_a_subclass_is_loaded_as_itself(tmp_path):
    class Mine(NeuralNetwork):
        pass

    made("drop-in", "reference", "float64").save(tmp_path / "network")
    assert type(Mine.load(tmp_path / "network", backend="reference")) is Mine


def test_an_unknown_generator_is_refused_before_it_is_too_late(tmp_path):
    class Mine(np.random.PCG64):
        pass

    network = NeuralNetwork([3, 2], backend="reference", seed=np.random.Generator(Mine(1)))
    with pytest.raises(ValueError, match="the bit generator of seed is 'Mine', expected one of"):
        network.save(tmp_path / "network")
    assert os.listdir(tmp_path) == []


def load_refused(path, message, error=ValueError, **arguments):
    """Loading raises this, and leaves the folder and NumPy's generator as they were."""
    before = os.listdir(path.parent), str(np.random.get_state())
    with pytest.raises(error, match=message):
        NeuralNetwork.load(path, **{"backend": "reference", **arguments})
    assert (os.listdir(path.parent), str(np.random.get_state())) == before


@pytest.fixture
def saved(tmp_path):
    """The file of a network with all that a file can hold."""
    network = made("all", "reference", "float64")
    trained(network, "all", 3)
    network.save(tmp_path / "network")
    return tmp_path / "network"


def test_damage_is_refused(saved):
    whole = saved.read_bytes()
    network = NeuralNetwork.load(saved, backend="reference")
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:size])
        load_refused(saved, "network is (cut short|damaged|not a fastnet file)")
    for place in np.linspace(0, len(whole) - 1, 50).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        saved.write_bytes(damaged)
        # Some of the bytes of a zip say nothing.
        with contextlib.suppress(ValueError):
            assert_same(NeuralNetwork.load(saved, backend="reference"), network)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "network"
    network = made("drop-in", "reference", "float64")
    path.write_bytes(pickle.dumps(network))
    load_refused(path, "network is not a fastnet file")
    with path.open("wb") as file:
        np.savez(file, parameters=network.parameters)
    load_refused(path, "network is not a fastnet file")
    load_refused(tmp_path / "nothing", "nothing", FileNotFoundError)
    for header in ({}, {"network": None}, {"network": {}}, {"network": {"layer_sizes": [2, 1]}}):
        files.write(path, header, {})
        load_refused(path, "network holds no network of fastnet")


def test_custom_functions_must_be_given(tmp_path):
    path = tmp_path / "network"
    network = NeuralNetwork([3, 4, 2], hidden=CUBE, loss=FOURTH, backend="reference", seed=1)
    network.save(path)
    load_refused(path, "has a (Activation|Loss) '(cube|fourth)' of your own, expected it in custom")
    load_refused(path, "a Loss 'fourth' of your own, expected it in custom", custom=[CUBE])
    for other in (RELU, Loss("cube", FOURTH.function, FOURTH.derivative)):
        message = "a Activation 'cube' of your own, expected it in custom"
        load_refused(path, message, custom=[other, FOURTH])
    load_refused(path, "'fourth' has no compiled", custom=OWN, backend="compiled")
    load_refused(path, "custom is a Activation, expected a list", TypeError, custom=CUBE)
    load_refused(path, "custom has a str, expected a list", TypeError, custom=["cube"])
    load_refused(path, "backend is a int, expected one of", TypeError, backend=3)
    load_refused(path, "backend is 'numpy', expected one of", backend="numpy")


@pytest.mark.parametrize(
    "name", ["parameters", "slots", "numbers", "averaged", "best", "last", "held"]
)
def test_planted_arrays_are_refused(name, saved):
    header, arrays = files.read(saved)
    right = arrays[name]
    wrong = [
        right[..., :-1],
        np.append(right, right[..., :1], axis=-1),
        right[..., :0],
        right[None],
        right.reshape(-1, 1),
    ]
    if name != "parameters":
        # Those are converted; what the kernels are given as it is must be of their type.
        wrong += [right.astype("float32"), right.astype("int64"), right.astype(">f8")]
    for array in wrong:
        files.write(saved, header, {**arrays, name: array})
        load_refused(saved, f"{name} (in the file is|has shape)")


def replaced(value, junk):
    """(path, a copy of plain data with this value in the place of a part), for every part."""
    yield (), junk
    items = ()
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        for path, new in replaced(part, junk):
            changed = copy.copy(value)
            changed[key] = new
            yield (key, *path), changed


@pytest.mark.parametrize(
    "junk", [None, -1, 0, 3, 2**80, 0.5, float("inf"), float("nan"), "x", True, [], [1], {}]
)
def test_planted_headers_are_refused_or_can_be_trained(junk, saved):
    header, arrays = files.read(saved)
    refused = 0
    for path, changed in replaced(header, junk):
        if not isinstance(changed, dict):
            continue
        files.write(saved, changed, arrays)
        try:
            network = NeuralNetwork.load(saved, backend="reference")
        except ValueError:
            refused += 1
            continue
        assert np.array_equal(network.parameters, arrays["parameters"]), path
        network.train(X, LABELS, 1, 0.1, False, **BATCHES, optimizer="nadam", average=0.9)
    assert refused > 20
