"""The same results where Numba is told that the processor has less than it has."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

from fastnet.comparison.compare import compare_step
from fastnet.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
# Name of a processor -> (its features, what this one needs to run its code, bytes of a vector).
PROCESSORS = {
    "haswell": (
        "+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+f16c,+movbe",
        ("avx2", "fma", "bmi2"),
        32,
    ),
    "x86-64": ("+sse,+sse2", (), 16),
}
# Both dtypes, and the edges of tiles, panels and loops, which lie elsewhere with other vectors. Of
# results only: which loops become vectors of two is up to the compiler.
SELECTION = (
    "-k=not become_vectors",
    "tests/test_products.py",
    "tests/test_elementary.py",
    "tests/test_activations.py",
    "tests/test_instruction_sets.py::test_a_gradient_and_a_step_keep_their_bounds",
)
RUN = """
import sys, pytest
from fastnet.kernels.compiled.microkernel import VECTOR_BYTES
assert VECTOR_BYTES == int(sys.argv[1])
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rows", [1, 37, 65])
def test_a_gradient_and_a_step_keep_their_bounds(rows, dtype):
    hidden = ("gelu", "tanh", "softplus")
    plan = Plan.of((13, 33, 31, 5, 3), "softmax", dtype, hidden=hidden, dropout=(0.2,) * 4)
    for result in compare_step(plan, rows, np.random.default_rng(rows), "adam"):
        assert result.error <= 1, result


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="only x86-64 has several kinds of vectors to choose from",
)
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_lesser_processor_has_the_same_results(name, tmp_path):
    features, needed, vector_bytes = PROCESSORS[name]
    present = binding.get_host_cpu_features()
    missing = [feature for feature in needed if not present.get(feature)]
    if missing:
        pytest.skip(f"this processor has no {missing[0]} to try the code of {name} with")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "FASTNET_"))}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(vector_bytes), *SELECTION],
        cwd=ROOT,
        env={
            **inherited,
            "PYTHONPATH": str(ROOT),
            "NUMBA_CPU_NAME": name,
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
