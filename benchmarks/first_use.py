"""`python -m benchmarks.first_use [OPTION ...]`: what is compiled when.

For a fresh process and an empty cache folder. Prints JSON: the seconds of the first call of
`train` in each dtype, one after the other; those of the first call with each option, or with the
named ones; and how often Numba compiled or loaded something for a further architecture.
"""

import contextlib
import json
import sys
import time

import numpy as np

import fastnet
from fastnet.kernels import catalog

ROWS, CLASSES = 8, 2
# Name -> (arguments of the network, arguments of `train`).
OPTIONS = {
    **{name: ({"hidden": name}, {}) for name in catalog.HIDDEN_ACTIVATIONS if name != "relu"},
    **{name: ({}, {"optimizer": name}) for name in fastnet.optimizers.NAMES if name != "sgd"},
    **{
        f"{loss}, {output}": ({"loss": loss, "output": output}, {})
        for loss, outputs in catalog.OUTPUTS_OF_LOSS.items()
        for output in outputs
    },
    "dropout": ({"dropout": 0.5}, {}),
    "l1": ({"l1": 1e-4}, {}),
    "l2": ({"l2": 1e-4}, {}),
    "max_norm": ({"max_norm": 1.0}, {}),
    "batch_size": ({}, {"batch_size": 3}),
    "schedule": ({}, {"schedule": "cosine"}),
    "sample_weight": ({}, {"sample_weight": np.ones(ROWS)}),
    "label_smoothing": ({}, {"label_smoothing": 0.1}),
    "clip_norm": ({}, {"clip_norm": 1.0}),
    "clip_value": ({}, {"clip_value": 1.0}),
    "average": ({}, {"average": 0.9}),
    "input_noise": ({}, {"input_noise": 0.1}),
    "validation": ({}, {"validation": 0.25}),
}


def train(network=None, options=None, *, layer_sizes=(2, 4, CLASSES), dtype="float64"):
    """A short training; returns the seconds of the call of `train`."""
    built = fastnet.NeuralNetwork(
        layer_sizes,
        **{"output": "softmax", "dtype": dtype, "backend": "compiled", "seed": 0} | (network or {}),
    )
    X = np.random.default_rng(0).random((ROWS, layer_sizes[0]))
    y = np.eye(layer_sizes[-1])[np.arange(ROWS) % CLASSES]
    began = time.perf_counter()
    built.train(X, y, 2, verbose=False, **{"optimizer": "sgd"} | (options or {}))
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    first = {dtype: train(dtype=dtype) for dtype in ("float64", "float32")}
    # Less what the same call takes when nothing is left to compile.
    names = sys.argv[1:] or OPTIONS
    options = {name: train(*OPTIONS[name]) - train(*OPTIONS[name]) for name in names}
    from numba.core import event

    with contextlib.ExitStack() as stack:
        # To load what was compiled before, Numba takes its lock as well.
        recorders = [
            stack.enter_context(event.install_recorder(kind))
            for kind in ("numba:compile", "numba:compiler_lock")
        ]
        train(layer_sizes=(7, 33, 20, 5))
    compiled = sum(len(recorder.buffer) for recorder in recorders)
    print(json.dumps({"first": first, "options": options, "further": compiled}))


if __name__ == "__main__":
    main()
