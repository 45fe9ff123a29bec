"""The registry of workloads: what is trained, on which data, from which weights."""

from __future__ import annotations

import functools
import math
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Workload:
    """A network, its data and the plain SGD steps that one measured call takes.

    Attributes
    ----------
    layer_sizes : tuple of int
        Inputs, hidden layers (ReLU), outputs.
    output : {"sigmoid", "softmax"}
        With its mean cross-entropy: over rows and outputs for sigmoid, over rows for softmax.
    dtype : {"float64", "float32"}
    rows : int
    batch_size : int
        Equal to `rows` for a full batch; the last batch of an epoch may be shorter.
    epochs : int
        Passes over the data in one measured call, always in the order of the rows.
    learning_rate : float
    """

    name: str
    layer_sizes: tuple[int, ...]
    output: str
    dtype: str
    rows: int
    batch_size: int
    epochs: int
    learning_rate: float

    @property
    def steps(self) -> int:
        """The updates in one measured call."""
        return self.epochs * -(-self.rows // self.batch_size)

    @property
    def summary(self) -> str:
        """The workload in a few words, for a table."""
        sizes = "-".join(map(str, self.layer_sizes))
        full = self.batch_size == self.rows
        batch = f"full batch of {self.rows:,}" if full else f"batch {self.batch_size}"
        return f"{self.name}: {sizes}, {batch}, {self.output}, {self.dtype}"

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X (rows, n_0) and y, the same in every process.

        y : (rows, n_L) of 0 and 1 for sigmoid, (rows,) int64 labels for softmax.
        """
        if self.name == "xor":
            corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], self.dtype)
            return corners, np.array([[0], [1], [1], [0]], self.dtype)
        rng = self._rng("data")
        X = rng.standard_normal((self.rows, self.layer_sizes[0])).astype(self.dtype)
        scores = X @ rng.standard_normal((self.layer_sizes[0], self.layer_sizes[-1]))
        if self.output == "softmax":
            return X, scores.argmax(axis=1)
        return X, (scores > 0).astype(self.dtype)

    @functools.cached_property
    def initial(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (n_in, n_out) and biases (n_out,) of each layer, the same in every process."""
        rng = self._rng("weights")
        layers = []
        for n_in, n_out in pairwise(self.layer_sizes):
            weight = rng.standard_normal((n_in, n_out)) * math.sqrt(2 / n_in)
            # Not zero, so that a bias that gets lost or mixed up is noticed.
            bias = rng.standard_normal(n_out) * 0.1
            layers.append((weight.astype(self.dtype), bias.astype(self.dtype)))
        return layers

    def _rng(self, use):
        return np.random.default_rng(zlib.crc32(f"{self.name} {use}".encode()))


# Calls of some milliseconds: long beside the clock and the work of starting one, short in a test.
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("xor", (2, 4, 1), "sigmoid", "float64", 4, 4, 1000, 0.1),
        Workload("digits", (64, 32, 10), "softmax", "float32", 1437, 32, 4, 0.05),
        Workload("tab", (30, 256, 256, 1), "sigmoid", "float32", 3072, 256, 1, 0.1),
        Workload("mnist32", (784, 128, 10), "softmax", "float32", 960, 32, 1, 0.02),
        Workload("mnist128", (784, 256, 128, 10), "softmax", "float32", 1280, 128, 1, 0.02),
        Workload("curve", (4, 32, 16, 4), "sigmoid", "float32", 10_000, 10_000, 8, 0.5),
    )
}
