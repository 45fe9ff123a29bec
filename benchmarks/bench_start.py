"""What a fresh process costs: importing, loading compiled kernels, compiling them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The README's first example.
XOR = """
import numpy as np
from fastnet import NeuralNetwork
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
np.random.seed(0)
NeuralNetwork([2, 4, 1], backend="compiled").train(X, y, 5000, 0.5, verbose=False)
"""
PROGRAMS = {"import numpy": "import numpy", "import fastnet": "import fastnet", "xor": XOR}
# Options of first_use.py.
AS_TEST = "gelu", "dropout", "clip_norm"


def run_python(arguments, cache):
    """The output of a Python process of its own, with `cache` as Numba's cache folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@pytest.fixture(scope="module")
def filled_cache(tmp_path_factory):
    """A cache folder in which XOR has left its kernels."""
    folder = tmp_path_factory.mktemp("filled")
    run_python(["-c", XOR], folder)
    return folder


@pytest.mark.parametrize("program", PROGRAMS)
def test_process(benchmark, filled_cache, program):
    kernels = set(filled_cache.rglob("*"))
    assert kernels
    benchmark.pedantic(run_python, (["-c", PROGRAMS[program]], filled_cache), rounds=10)
    assert set(filled_cache.rglob("*")) == kernels, "something was compiled"


def test_first_use(benchmark, tmp_path):
    """The process measures itself; its times stand in the benchmark's extra_info."""
    command = ["-m", "benchmarks.first_use", *(AS_TEST if benchmark.disabled else ())]
    measured = json.loads(benchmark.pedantic(run_python, (command, tmp_path), rounds=1))
    assert measured["further"] == 0, "a further architecture compiled something"
    benchmark.extra_info.update(measured)
