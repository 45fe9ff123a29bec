"""What the first use of a network compiles: nothing for a number that is written out, and what
trains once for both dtypes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Compiles all that trains, for one dtype and then for the other, and prints what was compiled.
COMPILE = """
import json
import numpy as np
from numba.core import event, types
from fastnet import NeuralNetwork
compiled = []
class Compiled(event.Listener):
    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if function.__module__.startswith("fastnet."):
            literals = any(isinstance(kind, types.Literal) for kind in event.data["args"])
            compiled.append((dtype, function.__module__, function.__name__, literals))
    def on_end(self, event):
        pass
with event.install_listener("numba:compile", Compiled()):
    for dtype in ("float32", "float64"):
        X, y = np.ones((4, 2), dtype), np.ones((4, 1), dtype)
        network = NeuralNetwork([2, 3, 1], dtype=dtype, seed=0)
        network.train(X, y, 1, verbose=False, validation=(X, y))
        network.gradients(X, y)
        network.forward(X)
        network.backward(X, y)
        network.predict(X)
print(json.dumps(compiled))
"""

# Files of functions that know neither a network nor a dtype.
SHARED = {"backpropagation", "drop_in", "network", "own_chunks", "training", "updating"}

# Trains with what is in the cache, and then compiles something of the user's own.
LOAD = """
import sys
import numpy as np
from numba import njit
from fastnet import NeuralNetwork
NeuralNetwork([2, 3, 1], seed=0).train(np.ones((4, 2)), np.ones((4, 1)), 1, 0.1, False)
print("numba.np.linalg" in sys.modules)
print(njit(lambda x: np.sort(x).sum() + len([1, 2]))(np.ones(3)))
"""


def run(program, cache):
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def compiled(cache):
    """(dtype, module, name, whether a type is that of a literal) of each that was compiled."""
    return json.loads(run(COMPILE, cache))


def test_no_helper_is_compiled_for_a_literal(compiled):
    names = {name for _, _, name, _ in compiled}
    assert {"train", "chunk_gradient", "losses_of_part", "multiply_row"} <= names
    assert not {name for _, _, name, literals in compiled if literals}


def test_what_trains_is_compiled_once_for_both_dtypes(compiled):
    modules = {
        dtype: {module.rpartition(".")[2] for of, module, _, _ in compiled if of == dtype}
        for dtype in ("float32", "float64")
    }
    assert modules["float32"] >= SHARED
    assert modules["float64"]
    assert not modules["float64"] & SHARED


def test_what_is_in_the_cache_is_used_without_making_ready_to_compile(compiled, cache):
    is_ready_to_compile, of_the_users_own = run(LOAD, cache).split()
    assert is_ready_to_compile == "False"
    assert of_the_users_own == "5.0"
