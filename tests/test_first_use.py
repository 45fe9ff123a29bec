"""What the first use of a network compiles: no helper for a number that is written out."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Compiles all that trains, and prints what was compiled for which types.
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
            compiled.append((function.__name__, literals))
    def on_end(self, event):
        pass
with event.install_listener("numba:compile", Compiled()):
    X, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    network = NeuralNetwork([2, 3, 1], dtype="float32", seed=0)
    network.train(X, y, 1, verbose=False, validation=(X, y))
    network.gradients(X, y)
    network.forward(X)
    network.backward(X, y)
    network.predict(X)
print(json.dumps(compiled))
"""


def test_no_helper_is_compiled_for_a_literal(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    compiled = json.loads(done.stdout)
    names = [name for name, _ in compiled]
    assert {"train", "chunk_gradient", "losses_of_part", "multiply_row"} <= set(names)
    assert not {name for name, literals in compiled if literals}
