"""`fastnet.explain`, and the measured ceiling that it compares with."""

import copy
import json
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import fastnet
from fastnet import Activation, Loss, NeuralNetwork, Quantile, backend, explanation, threads
from fastnet.kernels import catalog
from fastnet.kernels.compiled import ceiling, jit
from fastnet.kernels.compiled.microkernel import VECTOR_BYTES, lanes

ROOT = Path(__file__).resolve().parent.parent
LOSSES = [(loss, output) for loss, outputs in catalog.OUTPUTS_OF_LOSS.items() for output in outputs]


@pytest.fixture(autouse=True)
def little_time(monkeypatch):
    """What is measured need not be exact here."""
    monkeypatch.setattr(explanation, "SECONDS", 1e-4)
    monkeypatch.setattr(ceiling, "SECONDS", 1e-4)


def assert_measured(explained):
    assert 0 < explained.seconds < math.inf
    assert 0 < explained.share < math.inf


# ------------------------------------------------------------------------------------ the numbers

# Sizes, rows, FLOPs: forward, gradient of the weights, gradient of the inputs but the first.
COUNTED = [
    ([3, 2], 5, 2 * 5 * 6 + 2 * 5 * 6),
    ([3, 4, 2], 1, 2 * (12 + 8) + 2 * (12 + 8) + 2 * 8),
    ([784, 128, 10], 32, 2 * 32 * (2 * 784 * 128 + 3 * 128 * 10)),
]


@pytest.mark.parametrize(("sizes", "rows", "flops"), COUNTED)
def test_the_flops_of_a_step(sizes, rows, flops, backend):
    explained = fastnet.explain(NeuralNetwork(sizes, backend=backend), rows)
    assert explained.flops == flops
    assert explained.batch_size == rows


@pytest.mark.parametrize(("dtype", "itemsize"), [("float64", 8), ("float32", 4)])
def test_the_bytes_of_a_step(dtype, itemsize):
    explained = fastnet.explain(NeuralNetwork([3, 4, 2], dtype=dtype), 5)
    assert explained.parameters == 3 * 4 + 4 + 4 * 2 + 2
    # Parameters, gradient and two moments twice each; activations and deltas twice each.
    of_parameters = 8 * explained.parameters
    of_a_row = 3 + 2 + 4 * (4 + 2)
    assert explained.bytes == itemsize * (of_parameters + 5 * of_a_row)


def test_the_share_is_of_the_cores_in_use():
    explained = fastnet.explain(NeuralNetwork([30, 40, 2], n_threads=2), 64)
    assert (explained.threads, explained.reason) == (2, "as asked for")
    rate = explained.flops / explained.seconds
    assert explained.share == pytest.approx(rate / (2 * explained.ceiling))


def test_the_threads_are_those_that_training_chooses():
    network = NeuralNetwork([4, 300, 300, 2])
    for rows in (1, 500):
        explained = fastnet.explain(network, rows)
        assert (explained.threads, explained.reason) == threads.choose(network._plan, rows, None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_tile_is_the_microkernel_s(dtype):
    explained = fastnet.explain(NeuralNetwork([3, 2], dtype=dtype))
    microkernel = backend.load("compiled", "microkernel")
    columns = microkernel.TILE_VECTORS * VECTOR_BYTES // np.dtype(dtype).itemsize
    assert explained.tile == (microkernel.TILE_ROWS, columns)
    assert explained.vector_bytes == VECTOR_BYTES


def test_the_report_has_the_numbers():
    explained = fastnet.explain(NeuralNetwork([30, 40, 2], dtype="float32"), 16)
    text = str(explained)
    assert text == repr(explained)
    for part in (
        "NeuralNetwork([30, 40, 2]",
        "16 rows with Adam, 1,322 parameters",
        explanation.scaled(explained.flops, "FLOP"),
        explanation.scaled(explained.seconds, "s"),
        explained.reason,
        explanation.scaled(explained.ceiling, "FLOP/s"),
        f"{explained.share:.1%}",
        f"{explained.tile[0]} x {explained.tile[1]}",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 us"),
        (1.25e-8, "0.0125 us"),
        (1.0634e-6, "1.063 us"),
        (0.034, "34 ms"),
        (1, "1 s"),
        (999.96, "1000 s"),
        (2.171e11, "217.1 Gs"),
        (5e12, "5000 Gs"),
    ],
)
def test_quantities_have_few_digits(value, text):
    assert explanation.scaled(value, "s") == text


# --------------------------------------------------------------------------------- what it leaves


def everything_of(network):
    """What may show that a network was used."""
    return pickle.dumps([network.__getstate__(), network._rng and network._rng.bit_generator.state])


@pytest.mark.parametrize("seed", [None, 7])
def test_the_network_stays_as_it_is(seed, backend, rng):
    np.random.seed(1)
    network = NeuralNetwork([3, 8, 2], dropout=0.2, backend=backend, seed=seed)
    X, y = rng.standard_normal((20, 3)), rng.random((20, 2))
    network.train(X, y, 2, 0.01, False, batch_size=6, optimizer="adam")
    network.forward(X)
    before, drawn = everything_of(network), np.random.get_state()
    twin = copy.deepcopy(network)
    fastnet.explain(network, 8)
    assert everything_of(network) == before
    assert all(map(np.array_equal, np.random.get_state(), drawn))
    trained = [
        n.train(X, y, 3, 0.01, False, batch_size=6, optimizer="adam") for n in (network, twin)
    ]
    assert list(trained[0]) == list(trained[1])
    assert np.array_equal(network.parameters, twin.parameters)


def test_weights_that_are_no_numbers_do_no_harm(backend):
    network = NeuralNetwork([3, 8, 2], backend=backend, seed=0)
    network.parameters = np.full(network.parameters.shape, np.nan)
    assert_measured(fastnet.explain(network))
    assert np.isnan(network.parameters).all()


# ------------------------------------------------------------------------------ for every network


@pytest.mark.parametrize(("loss", "output"), LOSSES)
def test_every_loss_is_measured(loss, output, backend):
    network = NeuralNetwork([5, 7, 4], loss=loss, output=output, l1=0.1, backend=backend)
    assert_measured(fastnet.explain(network, 3))


def test_several_quantiles_are_measured(backend):
    network = NeuralNetwork([5, 7, 6], loss=Quantile([0.1, 0.5, 0.9]), backend=backend)
    assert_measured(fastnet.explain(network, 3))


def test_functions_of_the_user_s_own_are_measured(backend):
    def cube(z):
        return z**3

    def slope(z):
        return 3 * z**2

    def error(a, target):
        return (a - target) ** 4

    def error_slope(a, target):
        return 4 * (a - target) ** 3

    network = NeuralNetwork(
        [5, 7, 1],
        hidden=Activation("cube", cube, slope, numba.njit(cube), numba.njit(slope)),
        loss=Loss("fourth", error, error_slope, numba.njit(error), numba.njit(error_slope)),
        output="sigmoid",
        backend=backend,
    )
    assert_measured(fastnet.explain(network, 3))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((NeuralNetwork,), TypeError, "network is the class NeuralNetwork, expected a fastnet."),
        (([3, 2],), TypeError, "network is a list, expected a fastnet.NeuralNetwork"),
        ((NeuralNetwork([3, 2]), 0), ValueError, "batch_size is 0, expected a whole number of"),
        ((NeuralNetwork([3, 2]), 1.5), TypeError, "batch_size is 1.5, a float, expected a whole"),
        ((NeuralNetwork([3, 2]), True), TypeError, "batch_size is True, a bool, expected a whole"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        fastnet.explain(*arguments)


def process(code):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_numba_the_step_is_measured_and_the_core_is_not():
    explained = process("""
import sys
sys.modules["numba"] = None
import json, fastnet
explained = fastnet.explain(fastnet.NeuralNetwork([3, 4, 2], backend="reference"))
assert explained.share is None
assert "ceiling" not in str(explained)
print(json.dumps(explained.__dict__))
""")
    assert explained["seconds"] > 0
    assert explained["ceiling"] is explained["bandwidth"] is explained["tile"] is None


def test_import_fastnet_leaves_it_for_later():
    modules = ["explanation", "doctor", "warmup", "comparison"]
    assert (
        process(f"""
import json, sys, fastnet
early = [name for name in {modules} if "fastnet." + name in sys.modules]
assert "explain" in fastnet.__all__
from fastnet import explain
assert explain is fastnet.explain is sys.modules["fastnet.explanation"].explain
print(json.dumps(early))
""")
        == []
    )
    with pytest.raises(AttributeError, match="module 'fastnet' has no attribute 'explane'"):
        _ = fastnet.explane


# ------------------------------------------------------------------------------------ the ceiling


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rounds", [1, 2, 11])
def test_every_chain_takes_every_round(dtype, rounds):
    # x = x / 2 + 1 halves the distance to 2; no sum here needs more than the 24 bits of float32.
    ends = [2 + (start - 2) / 2**rounds for start in range(ceiling.CHAINS)]
    total = ceiling.multiply_adds(dtype(0.5), rounds)
    assert total == sum(ends) * lanes(np.dtype(dtype).itemsize)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_loop_is_of_whole_vectors(dtype, monkeypatch):
    # Numba shows the code of what it compiled itself, not of what it loaded.
    monkeypatch.setattr(jit, "cache_folder", lambda: None)
    compiled = jit.entry(ceiling.multiply_adds.py_func)
    compiled(dtype(0.5), 10)
    (code,) = compiled.inspect_llvm().values()
    bits = 8 * np.dtype(dtype).itemsize
    vector = f"v{lanes(bits // 8)}f{bits}"
    assert len(re.findall(rf"call .*@llvm\.fmuladd\.{vector}\(", code)) >= ceiling.CHAINS


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_measured_rates_are_numbers(dtype):
    for rate in (ceiling.flops_per_second(dtype), ceiling.bytes_per_second(2**16)):
        assert 0 < rate < math.inf


@pytest.mark.parametrize("size", [1, 7, 8, 33, 1000])
def test_all_numbers_are_read_so_often(size, rng):
    numbers = rng.integers(-(2**62), 2**62, size)
    expected = (3 * sum(numbers.tolist()) + 2**63) % 2**64 - 2**63
    assert ceiling.read_all(numbers, 3) == expected
