"""What a fresh process costs: importing, loading compiled kernels, compiling them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TRAIN = """
import numpy as np
from fastnet import NeuralNetwork
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
y = np.array([[0], [1], [1], [0]], float)
network = NeuralNetwork([2, 4, 1], backend="compiled")
network.train(X, y, epochs=1, verbose=False, optimizer="sgd")
"""
# Name -> (the program, whether its kernels are in the cache already, how often it is run).
STARTS = {
    "import numpy": ("import numpy", True, 5),
    "import fastnet": ("import fastnet", True, 5),
    "first training, compiled before": (TRAIN, True, 5),
    "first training, nothing compiled": (TRAIN, False, 1),
}


def run_process(program, cache):
    """Run a Python program in a process of its own, with `cache` as Numba's cache folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)


@pytest.fixture(scope="module")
def filled_cache(tmp_path_factory):
    """A cache folder in which TRAIN has left its kernels."""
    pytest.importorskip("numba")
    folder = tmp_path_factory.mktemp("filled")
    run_process(TRAIN, folder)
    return folder


@pytest.mark.parametrize("start", STARTS)
def test_start(benchmark, tmp_path, filled_cache, start):
    program, compiled, rounds = STARTS[start]
    benchmark.group = "process"
    cache = filled_cache if compiled else tmp_path
    kernels = set(filled_cache.rglob("*.nbc"))
    benchmark.pedantic(run_process, (program, cache), rounds=rounds)
    if program is TRAIN:
        # The same kernels in either case: loaded in the one, made in the other.
        assert kernels
        assert {k.name for k in cache.rglob("*.nbc")} == {k.name for k in kernels}
