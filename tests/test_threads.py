"""Threads: the same bits with any number of them, and how many there are."""

import itertools
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections import deque

import numpy as np
import pytest

from fastnet import NeuralNetwork, threads
from fastnet.kernels.compiled import interface, program
from fastnet.kernels.compiled import team as teams
from fastnet.training import loop
from fastnet.training.pace import Pace, Speed

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

# Name -> (how the network is made, how it is trained): every phase of a step that threads share.
CASES = {
    "plain": ({}, {"optimizer": "adam"}),
    "drop-in": ({}, {}),
    "state that a step changes": ({}, {"optimizer": "nadam"}),
    "a norm alone": ({}, {"optimizer": "sgd", "clip_norm": 1e-3}),
    "everything": (
        {"dropout": 0.4, "l1": 1e-4, "l2": 1e-3, "max_norm": 1.5, "hidden": "tanh"},
        {
            "optimizer": "amsgrad",
            "clip_norm": 0.1,
            "clip_value": 0.05,
            "average": 0.9,
            "input_noise": 0.1,
            "label_smoothing": 0.1,
            "schedule": "cosine",
        },
    ),
}


def train(dtype, case, batch_size, n_threads, sizes=(13, 50, 29, 3), rows=203, epochs=5):
    made, trained = CASES[case]
    rng = np.random.default_rng(3)
    X = rng.standard_normal((rows, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], rows)
    weight = rng.random(rows) if case == "everything" else None
    network = NeuralNetwork(sizes, output="softmax", dtype=dtype, seed=5, **made)
    history = network.train(
        X,
        y,
        epochs,
        0.01,
        False,
        batch_size=batch_size,
        n_threads=n_threads,
        sample_weight=weight,
        **trained,
    )
    return network.parameters.copy(), list(history)


@pytest.mark.parametrize("n_threads", [2, 3, 5, 8])
@pytest.mark.parametrize("batch_size", [None, 1, 16, 33, 64])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_bits_on_any_number_of_threads(dtype, case, batch_size, n_threads):
    parameters, losses = train(dtype, case, batch_size, 1)
    on_threads, losses_on_threads = train(dtype, case, batch_size, n_threads)
    assert np.array_equal(parameters, on_threads)
    assert losses == losses_on_threads


@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_in_many_chunks(case):
    # A chunk has so many bytes for each thread: with three of them there are fewer.
    shape = {"sizes": (40, 300, 20, 3), "rows": 1501, "epochs": 3}
    parameters, losses = train("float64", case, None, 1, **shape)
    on_threads, losses_on_threads = train("float64", case, None, 3, **shape)
    assert np.array_equal(parameters, on_threads)
    assert losses == losses_on_threads


@pytest.fixture
def own_chunks(monkeypatch):
    """Many chunks, of which each has a thread of its own."""
    monkeypatch.setattr(program, "CHUNK_BYTES", 1)
    monkeypatch.setattr(program, "CHUNK_PANELS", 1)
    monkeypatch.setattr(program, "LANE_SUMS_PANELS", 1)
    monkeypatch.setattr(program, "LANE_SUMS_BYTES", 2**20)
    return {"sizes": (5, 20, 31, 3), "rows": 1203, "epochs": 3}


@pytest.mark.parametrize("batch_size", [None, 600, 70])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_bits_where_chunks_have_threads_of_their_own(dtype, case, batch_size, own_chunks):
    parameters, losses = train(dtype, case, batch_size, 1, **own_chunks)
    for n_threads in (2, 3, 5, 11):
        on_threads, losses_on_threads = train(dtype, case, batch_size, n_threads, **own_chunks)
        assert np.array_equal(parameters, on_threads)
        assert losses == losses_on_threads


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_where_the_gradient_is_too_large_for_the_cache(case, n_threads, monkeypatch):
    parameters, losses = train("float64", case, 33, 1)
    monkeypatch.setattr(program, "UPDATE_BYTES", 1)
    interface._program.cache_clear()
    in_blocks, losses_in_blocks = train("float64", case, 33, n_threads)
    interface._program.cache_clear()
    assert np.array_equal(parameters, in_blocks)
    assert losses == losses_in_blocks


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_where_each_chunk_has_other_threads(case, narrow, own_chunks, monkeypatch):
    shape = own_chunks if narrow else {"sizes": (40, 300, 20, 3), "rows": 1501, "epochs": 3}
    parameters, losses = train("float64", case, None, 1, **shape)
    turns = itertools.cycle((1, 3, 2))
    monkeypatch.setattr(loop, "SLICE_SECONDS", 0)
    monkeypatch.setattr(Pace, "next_slice", lambda self, budget, _: (next(turns), budget))
    in_turns, losses_in_turns = train("float64", case, None, 3, **shape)
    assert np.array_equal(parameters, in_turns)
    assert losses == losses_in_turns


def test_more_threads_than_there_is_to_share_out():
    parameters, losses = train("float64", "plain", 1, 1, sizes=(2, 1, 2), rows=7)
    on_threads, losses_on_threads = train("float64", "plain", 1, 8, sizes=(2, 1, 2), rows=7)
    assert np.array_equal(parameters, on_threads)
    assert losses == losses_on_threads


def test_a_training_may_change_its_threads_from_call_to_call():
    expected, _ = train("float64", "state that a step changes", 16, 1, epochs=6)
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((203, 13)), rng.integers(0, 3, 203)
    network = NeuralNetwork((13, 50, 29, 3), output="softmax", seed=5, n_threads=3)
    for n_threads in (None, 1, 2):
        network.train(X, y, 2, 0.01, False, batch_size=16, optimizer="nadam", n_threads=n_threads)
    assert np.array_equal(network.parameters, expected)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 40])
@pytest.mark.parametrize("sizes", [(2, 4, 1), (784, 128, 10), (11, 12, 13, 1), (300, 1)])
def test_each_row_of_the_weights_has_one_owner(sizes, size):
    layers = NeuralNetwork(sizes)._plan.layers
    for apart in (False, True):
        owners = [np.zeros(layer.n_in + 1, int) for layer in layers]
        members = teams.Team(size, layers, (0, 64), apart).members
        for member in members:
            rows = member[teams.ROWS :].reshape(-1, 2)
            for owned, (first, end) in zip(owners, rows, strict=True):
                owned[first:end] += 1
                assert first % teams.TILE_ROWS == 0 or first == len(owned)
        assert all((owned == 1).all() for owned in owners)
        if not apart:
            ends = [0, *members[:, teams.LAST][members[:, teams.LAST] > 0]]
            starts = members[:, teams.FIRST][members[:, teams.LAST] > 0]
            assert list(starts) == ends[:-1]
            assert ends[-1] == layers[-1].span.stop


def test_trainings_in_threads_of_python_do_not_disturb_each_other():
    expected = {seed: trained(seed) for seed in range(8)}
    results = {}
    workers = [
        threading.Thread(target=lambda seed=seed: results.update({seed: trained(seed, None)}))
        for seed in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for seed, parameters in expected.items():
        assert np.array_equal(results[seed], parameters)


def trained(seed, n_threads=1):
    """Enough work for several slices, and for more than one thread."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((2000, 100)), rng.integers(0, 10, 2000)
    network = NeuralNetwork((100, 128, 10), output="softmax", seed=seed, n_threads=n_threads)
    network.train(X, y, 4, 0.01, False, batch_size=256, optimizer="adam")
    return network.parameters.copy()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_trains_on_threads_too():
    expected = trained(3, 2)
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        assert np.array_equal(pool.apply(trained, (3, 2)), expected)
        assert pool.apply(threads.available) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_predicts_on_threads_too():
    network, X = NeuralNetwork((13, 50, 3), seed=5), np.ones((500, 13))
    expected = network.predict(X, n_threads=3)

    def check():
        assert np.array_equal(network.predict(X, n_threads=3), expected)

    # Not a pool, which would be sent the network without what its first prediction has made.
    child = multiprocessing.get_context("fork").Process(target=check)
    child.start()
    child.join(60)
    assert child.exitcode == 0


def test_without_a_thread_to_start_training_goes_on_alone(monkeypatch):
    expected = trained(1)

    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert np.array_equal(trained(1, 4), expected)


def plan(*sizes):
    return NeuralNetwork(sizes)._plan


def test_as_many_threads_as_pay(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 4)
    assert threads.choose(plan(2, 4, 1), 4, None)[0] == 1
    assert threads.choose(plan(2, 4, 1), 4, 3)[0] == 3
    assert threads.choose(plan(1000, 1000, 10), 256, None)[0] == 4
    assert threads.choose(plan(1000, 1000, 10), 1, None)[0] == 1
    assert threads.choose(plan(1000, 1000, 10), 50, None)[0] == 3
    monkeypatch.setattr(threads, "available", lambda: 1)
    assert threads.choose(plan(1000, 1000, 10), 256, None)[0] == 1


def test_as_many_threads_predict_as_pay(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 4)
    paid_by = threads.paid_by_prediction
    assert threads.choose(plan(4, 64, 64, 2), 1000, None, paid_by)[0] == 1
    assert threads.choose(plan(4, 64, 64, 2), 30_000, None, paid_by)[0] == 2
    assert threads.choose(plan(4, 64, 64, 2), 100_000, None, paid_by)[0] == 4
    assert threads.choose(plan(4, 64, 64, 2), 1000, 3, paid_by)[0] == 3
    assert threads.choose(plan(4000, 4000, 4000), 127, None, paid_by)[0] == 1
    assert threads.ROWS_TO_SHARE == 128
    assert threads.choose(plan(4000, 4000, 4000), 128, None, paid_by)[0] == 2


def test_cores_at_work_are_left_alone(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 3)
    first = threads.Claim(plan(1000, 1000, 10), 256, 2)
    second = threads.Claim(plan(1000, 1000, 10), 256, None)
    assert second.n_threads == 1
    first.end()
    third = threads.Claim(plan(1000, 1000, 10), 256, None)
    assert third.n_threads == third.now() == 2
    fourth = threads.Claim(plan(1000, 1000, 10), 256, 2)
    assert third.now() == 1
    assert fourth.now() == 2
    del fourth
    assert third.now() == 2


def slices(asked, seconds, count, monkeypatch):
    """(threads, budget) of so many slices.

    seconds : of (number of threads, number of the slice), a chunk's.
    """
    monkeypatch.setattr(threads, "available", lambda: 4)
    pace = Pace(threads.Claim(plan(1000, 1000, 10), 256, asked), asked, Speed())
    taken = []
    for number in range(count):
        n_threads, budget = pace.next_slice(100, 1.0)
        pace.note(n_threads, budget, budget * seconds(n_threads, number))
        taken.append((n_threads, budget))
    return taken


TEAM_IS_FASTER = {1: 0.01, 4: 0.004}
TEAM_IS_SLOWER = {1: 0.01, 4: 0.1}


def test_slices_are_given_to_those_that_are_fastest(monkeypatch):
    with_team = slices(None, lambda n, _: TEAM_IS_FASTER[n], 100, monkeypatch)
    assert with_team[:3] == [(4, 12), (1, 12), (4, 100)]
    # Now and then, and not for long, it is seen whether that is still so.
    tried = [number for number, (n, _) in enumerate(with_team, 1) if n == 1]
    assert tried == [2, 4, 8, 16, 32, 64, 96]
    assert {budget for n, budget in with_team if n == 1} == {12}
    alone = slices(None, lambda n, _: TEAM_IS_SLOWER[n], 100, monkeypatch)
    assert [n for n, _ in alone[2:]].count(4) == 6
    asked = slices(4, lambda n, _: TEAM_IS_SLOWER[n], 100, monkeypatch)
    assert all(n == 4 for n, _ in asked)


def test_a_slice_that_was_disturbed_does_not_change_the_choice(monkeypatch):
    def seconds(n, number):
        return TEAM_IS_FASTER[n] * (50 if number in (0, 40) else 1)

    taken = [n for n, _ in slices(None, seconds, 64, monkeypatch)]
    # The first trial of the team is made good by the next.
    assert taken[:8] == [4, 1, 1, 4, 4, 4, 4, 1]
    assert taken[39:46] == 7 * [4]


def test_a_neighbour_who_stays_does(monkeypatch):
    def seconds(n, number):
        return (TEAM_IS_FASTER if number < 40 else TEAM_IS_SLOWER)[n]

    taken = [n for n, _ in slices(None, seconds, 60, monkeypatch)]
    assert taken[39:42] == 3 * [4]
    assert set(taken[42:60]) == {1}


def test_short_slices_are_not_shared(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 4)
    pace = Pace(threads.Claim(plan(1000, 1000, 10), 256, None), None, Speed())
    assert pace.next_slice(100, 0.0005) == (1, 100)


def test_the_next_call_begins_with_what_the_last_one_measured(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 4)
    speed = Speed({1: deque([0.01]), 4: deque([0.004, 0.5])}, 0.004, 2)
    pace = Pace(threads.Claim(plan(1000, 1000, 10), 256, None), None, speed)
    assert pace.next_slice(100, 1.0) == (4, 100)
    network = NeuralNetwork((5, 7, 2), seed=0)
    X, y = np.zeros((30, 5)), np.zeros((30, 2))
    budgets, next_slice = [], Pace.next_slice
    monkeypatch.setattr(
        Pace,
        "next_slice",
        lambda *arguments: budgets.append(arguments[1]) or next_slice(*arguments),
    )
    for batch_size in (10, 10, 30):
        network.train(X, y, 2000, 0.1, False, batch_size=batch_size)
        budgets.append(None)
    first, second, third = (list(part) for key, part in itertools.groupby(budgets, bool) if key)
    assert first[0] == third[0] == 1
    assert second[0] > 100
    assert network._speeds.keys() == {10, 30}
    assert pickle.loads(pickle.dumps(network))._speeds == {}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_pinned_process_has_one_core():
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from fastnet import threads; print(threads.available())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("bad", [0, -1, 1.5, "two", True])
def test_a_number_of_threads_that_is_none(bad):
    with pytest.raises((ValueError, TypeError), match="n_threads"):
        NeuralNetwork((2, 3, 1), n_threads=bad)
    network = NeuralNetwork((2, 3, 1), seed=0)
    before = network.parameters.copy()
    with pytest.raises((ValueError, TypeError), match="n_threads"):
        network.train(np.zeros((4, 2)), np.zeros((4, 1)), 1, n_threads=bad)
    assert np.array_equal(network.parameters, before)
