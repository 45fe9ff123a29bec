"""What a training takes of the memory, as the notes in the docstring of `train` have it."""

import tracemalloc

import numpy as np
import pytest

from fastnet import NeuralNetwork
from fastnet.kernels.compiled import caches

ROWS = 60_000
ROWS_AT_A_TIME = {"float32": 256, "float64": 128}
# Python's own objects, such as the history.
OBJECTS = 64 * 1024

# Name -> (layer sizes, batch size, dtype, optimizer, vectors of its state, more options).
CASES = {
    "wide, float32": ([784, 1024, 512, 10], 128, "float32", "adam", 2, {}),
    "wide, float64": ([784, 1024, 512, 10], 500, "float64", "momentum", 1, {}),
    "large batches": ([784, 1024, 512, 10], 5000, "float32", "amsgrad", 3, {}),
    "two threads": ([784, 700, 10], 3000, "float32", "sgd", 0, {"n_threads": 2}),
    "one narrow layer": ([784, 8, 10], 2000, "float32", "adam", 2, {"n_threads": 2}),
    "own chunks": ([8, 16, 10], None, "float64", "adam", 2, {"n_threads": 2}),
    "drop-in": ([784, 300, 10], 4000, "float32", None, 0, {}),
    "average": ([784, 1024, 512, 10], 128, "float32", "sgd", 3, {"average": 0.9}),
    "dropout": ([784, 500, 500, 10], 5000, "float32", "sgd", 0, {}),
}


def workspace(sizes, batch_size, dtype, threads, is_drop_in, drops):
    itemsize, l2 = np.dtype(dtype).itemsize, caches.sizes().l2
    numbers = sizes[0] + 4 * sum(sizes[1:]) + (sum(sizes[:-1]) if drops else 0)
    row = numbers * itemsize + 256 * len(sizes)
    rows = batch_size
    if not is_drop_in:
        rows = min(rows, max(ROWS_AT_A_TIME[dtype], threads * (l2 // 4) // row))
    # A panel is done whole, however many of its rows there are.
    rows = -(-rows // 32) * 32
    return rows * row + threads * l2 // 2


@pytest.mark.parametrize("case", CASES)
def test_a_training_takes_no_more_than_it_says(case):
    sizes, batch_size, dtype, optimizer, vectors, more = CASES[case]
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (ROWS, sizes[0]), dtype=np.uint8)
    y = rng.integers(0, sizes[-1], ROWS)
    dropout = 0.5 if case == "dropout" else 0.0
    network = NeuralNetwork(sizes, output="softmax", dtype=dtype, seed=0, dropout=dropout)
    how = {"optimizer": optimizer, "verbose": False, "learning_rate": 1e-6, **more}
    # What compiles, and what Python imports only now.
    network.train(X[:5000], y[:5000], 1, batch_size=batch_size, **how)
    network.reset_training()

    tracemalloc.start()
    network.train(X, y, 1, batch_size=batch_size, max_seconds=0.3, **how)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    threads = more.get("n_threads", 2)
    stated = (
        (2 + vectors) * network.parameters.nbytes
        + 16 * ROWS
        + workspace(sizes, batch_size or ROWS, dtype, threads, optimizer is None, dropout)
    )
    assert peak < stated + OBJECTS
    # So the data was not copied, nor a batch of all rows.
    assert stated < X.astype(dtype).nbytes or case == "own chunks"
