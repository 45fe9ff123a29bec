"""Several cores: training and predicting, other programs beside, and networks side by side.

Run with as many cores as are to be measured; `python -m benchmarks` takes two.
"""

import contextlib
import functools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from . import flops
from .contenders import LEFT_OUT, PREDICTION, TRAINING, Contender, ours
from .equality import require_equal_prediction, require_equal_training
from .workloads import PREDICTION as PREDICTED
from .workloads import SIZES, Training
from .workloads import TRAINING as TRAINED

# None leaves the number to fastnet.
N_THREADS = {"one thread": 1, "two threads": 2, "automatic": None}
ROWS = [f"{name} float32" for name in ("tab", "mnist32", "mnist128", "wide", "curve")]
PREDICTED_ROWS = "4-64-64-2 x 100000"
PEERS_TRAINING = ["PyTorch", "torch.compile", "JAX"]
PEERS_PREDICTING = ["PyTorch", "JAX", "ONNX Runtime", "OpenVINO"]
BATCHES = 16, 64, 256
AS_TEST = 8, 96
# A call of the sweep takes about so many, and so many steps at least.
SWEEP_FLOPS, SWEEP_STEPS = 2e8, 8
NETWORKS = 8
BUSY = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
print("busy", flush=True)
while True:
    pass
"""


def trainer(name):
    """One of the registry, or fastnet with a number of threads."""
    if name not in N_THREADS:
        return TRAINING[name]
    return Contender(name, partial(ours.train, "compiled", n_threads=N_THREADS[name]), ("numba",))


def predictor(name):
    """One of the registry, or fastnet with a number of threads."""
    if name not in N_THREADS:
        return PREDICTION[name]
    return Contender(name, partial(ours.predict, n_threads=N_THREADS[name]), ("numba",))


@pytest.mark.parametrize("contender", [*N_THREADS, *PEERS_TRAINING])
@pytest.mark.parametrize("workload", ROWS)
def test_train(benchmark, workload, contender):
    if contender in LEFT_OUT:
        pytest.skip(LEFT_OUT[contender])
    chosen, contender = TRAINED[workload], trainer(contender)
    benchmark.extra_info["steps"] = chosen.steps
    run = contender.prepare(chosen)
    require_equal_training(chosen, contender, run())
    require_equal_training(chosen, contender, benchmark(run))


@pytest.mark.parametrize("contender", [*N_THREADS, *PEERS_PREDICTING])
def test_predict(benchmark, contender):
    if contender in LEFT_OUT:
        pytest.skip(LEFT_OUT[contender])
    workload = PREDICTED[PREDICTED_ROWS]
    run = predictor(contender).prepare(workload)
    require_equal_prediction(workload, run())
    require_equal_prediction(workload, benchmark(run))


@pytest.mark.parametrize("threads", N_THREADS)
@pytest.mark.parametrize("neighbour", ["none", "busy"])
def test_neighbour(benchmark, neighbour, threads):
    """Beside a program that never rests, on one of the cores."""
    workload, contender = TRAINED["mnist32 float32"], trainer(threads)
    benchmark.extra_info["steps"] = workload.steps
    with busy() if neighbour == "busy" else contextlib.nullcontext():
        run = contender.prepare(workload)
        require_equal_training(workload, contender, run())
        benchmark(run)


@contextlib.contextmanager
def busy():
    """A process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("networks", [1, NETWORKS])
def test_networks(benchmark, networks):
    """Each in a Python thread of its own; one alone has one thread in all."""
    workload = replace(TRAINED["mnist128 float32"], epochs=10)
    n_threads = 1 if networks == 1 else None
    runs = [ours.train("compiled", workload, n_threads=n_threads) for _ in range(networks)]
    expected = parameters(ours.train("compiled", workload, n_threads=1)())
    benchmark.extra_info["steps"] = workload.steps
    with ThreadPoolExecutor(networks) as pool:
        for found in benchmark(lambda: list(pool.map(lambda run: run(), runs))):
            assert np.array_equal(parameters(found), expected)


@pytest.mark.benchmark(max_time=0.2)
@pytest.mark.parametrize("threads", N_THREADS)
@pytest.mark.parametrize(
    ("width", "batch"),
    [
        pytest.param(width, batch, marks=() if width in AS_TEST else pytest.mark.sweep)
        for width in SIZES
        for batch in BATCHES
    ],
)
def test_width(benchmark, width, batch, threads):
    workload = of_width(width, batch)
    benchmark.extra_info["steps"] = workload.steps
    run = ours.train("compiled", workload, n_threads=N_THREADS[threads])
    found = parameters(run())
    assert np.array_equal(found, parameters_with_one_thread(workload))
    benchmark(run)


@functools.lru_cache(maxsize=1)
def of_width(width, batch):
    """A network of two equal layers."""
    sizes = width, width, width
    steps = int(max(SWEEP_STEPS, min(200, SWEEP_FLOPS / flops.of_step(sizes, batch))))
    return Training("width", sizes, "relu", "identity", "float32", steps * batch, batch, 1)


@functools.lru_cache(maxsize=1)
def parameters_with_one_thread(workload):
    """The bits that every number of threads has to find."""
    return parameters(ours.train("compiled", workload, n_threads=1)())


def parameters(layers):
    """A copy of all of them."""
    return np.concatenate([array.ravel() for layer in layers for array in layer])
