"""What a training takes of the memory, as the notes in the docstring of `train` have it."""

import tracemalloc

import numpy as np
import pytest

from fastnet import NeuralNetwork
from fastnet.kernels.compiled import caches

ROWS = 60_000
VALIDATION_ROWS = 5000
THREADS = 2
ROWS_AT_A_TIME = {"float32": 256, "float64": 128}
# Python's own objects, such as the history.
OBJECTS = 64 * 1024

# Name -> (layer sizes, batch size, dtype, optimizer, vectors of its state and others, more options
# of the training).
WIDE = [784, 1024, 512, 10]
CASES = {
    "float32": (WIDE, 128, "float32", "adam", 2, {}),
    "float64": (WIDE, 500, "float64", "momentum", 1, {}),
    "large batches": (WIDE, 5000, "float32", "amsgrad", 3, {}),
    "a row more than fits": (WIDE, 257, "float32", "sgd", 0, {}),
    "one narrow layer": ([784, 8, 10], 2000, "float32", "adam", 2, {}),
    "wide output": ([64, 32, 4000], 500, "float32", "sgd", 0, {}),
    "own chunks": ([8, 16, 10], None, "float64", "adam", 2, {}),
    "drop-in": ([784, 300, 10], 4000, "float32", None, 0, {}),
    "drop-in, a row more than fits": (WIDE, 257, "float32", None, 0, {}),
    "average": (WIDE, 128, "float32", "sgd", 3, {"average": 0.9}),
    "dropout": ([784, 500, 500, 10], 5000, "float32", "sgd", 0, {}),
    "validation": (WIDE, 128, "float32", "sgd", 3, {"validation": None}),
}


def workspace(sizes, batch_size, dtype, is_drop_in, drops):
    l2 = caches.sizes().l2
    numbers = sizes[0] + 4 * sum(sizes[1:]) + sizes[-1] + (sum(sizes[:-1]) if drops else 0)
    row = numbers * np.dtype(dtype).itemsize + 256 * len(sizes)
    rows = max(ROWS_AT_A_TIME[dtype], THREADS * (l2 // 4) // row)
    chunks = -(-batch_size // rows) if is_drop_in else 1
    rows = batch_size if is_drop_in else min(batch_size, rows)
    return (rows + 31 * chunks) * row + THREADS * max(l2 // 2, 2**19)


@pytest.mark.parametrize("case", CASES)
def test_a_training_takes_no_more_than_it_says(case):
    sizes, batch_size, dtype, optimizer, vectors, more = CASES[case]
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (ROWS, sizes[0]), dtype=np.uint8)
    y = rng.integers(0, sizes[-1], ROWS)
    dropout = 0.5 if case == "dropout" else 0.0
    network = NeuralNetwork(sizes, output="softmax", dtype=dtype, seed=0, dropout=dropout)
    how = {
        "optimizer": optimizer,
        "verbose": False,
        "learning_rate": 1e-6,
        "batch_size": batch_size,
        "n_threads": THREADS,
        **more,
    }
    if "validation" in more:
        how["validation"] = X[:VALIDATION_ROWS], y[:VALIDATION_ROWS]
    # What compiles, and what Python imports only now.
    network.train(X[:5000], y[:5000], 1, **how)
    network.reset_training()

    tracemalloc.start()
    network.train(X, y, 1, max_seconds=0.3, **how)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stated = (2 + vectors) * network.parameters.nbytes + 16 * ROWS
    stated += workspace(sizes, batch_size or ROWS, dtype, optimizer is None, dropout)
    if "validation" in more:
        stated += 16 * VALIDATION_ROWS + workspace(sizes, VALIDATION_ROWS, dtype, False, False)
    assert peak < stated + OBJECTS
    # So the data was not copied, nor a batch of all rows.
    assert stated < X.size * np.dtype(dtype).itemsize or sizes[0] < 100
