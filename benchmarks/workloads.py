"""The registry of workloads: what is trained or predicts, on which data, from which weights."""

from __future__ import annotations

import functools
import math
import zlib
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from . import flops

# Of sweeps: powers of two and one and a half times these, so that no cliff hides between two.
SIZES = sorted([2**power for power in range(3, 12)] + [3 * 2**power for power in range(2, 10)])
# Adam's numbers besides the learning rate, everywhere.
BETAS = 0.9, 0.999
EPS = 1e-8


@dataclass(frozen=True, eq=False)
class Network:
    """A network and the rows that it is given.

    Attributes
    ----------
    layer_sizes : tuple of int
        Inputs, hidden layers, outputs.
    hidden : {"relu", "tanh"}
    output : {"identity", "sigmoid", "softmax"}
        With its loss: squares or binary cross-entropies, a mean over rows and outputs, or the
        cross-entropy, a mean over rows.
    dtype : {"float64", "float32"}
    rows : int
    """

    name: str
    layer_sizes: tuple[int, ...]
    hidden: str
    output: str
    dtype: str
    rows: int

    @functools.cached_property
    def X(self) -> np.ndarray:
        """(rows, n_0), the same in every process."""
        shape = self.rows, self.layer_sizes[0]
        return self._rng("data").standard_normal(shape).astype(self.dtype)

    @functools.cached_property
    def initial(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (n_in, n_out) and biases (n_out,) of each layer, the same in every process.

        The last weights are small: where the first answers are far too sure, rounding decides
        which units Adam's first steps silence.
        """
        rng = self._rng("weights")
        layers = []
        for n_in, n_out in pairwise(self.layer_sizes):
            scale = math.sqrt(2 / n_in) * (0.1 if len(layers) == len(self.layer_sizes) - 2 else 1)
            weight = rng.standard_normal((n_in, n_out)) * scale
            # Not zero, so that a bias that gets lost or mixed up is noticed.
            bias = rng.standard_normal(n_out) * 0.1
            layers.append((weight.astype(self.dtype), bias.astype(self.dtype)))
        return layers

    def _rng(self, use):
        return np.random.default_rng(zlib.crc32(f"{self.name} {use}".encode()))


@dataclass(frozen=True, eq=False)
class Training(Network):
    """The steps that one measured call takes.

    Attributes
    ----------
    batch_size : int
        Equal to `rows` for a full batch; the last batch of an epoch may be shorter.
    epochs : int
        Passes over the data in one measured call, always in the order of the rows.
    optimizer : {"adam", "sgd"}
        Adam with BETAS and EPS, or plain gradient descent.
    learning_rate : float
    network_options, train_options : dict
        More of what fastnet offers; then no other library takes part.
    """

    batch_size: int
    epochs: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    network_options: dict = field(default_factory=dict)
    train_options: dict = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from all others in its registry."""
        return f"{self.name} {self.dtype}"

    @property
    def steps(self) -> int:
        """The updates in one measured call."""
        return self.epochs * -(-self.rows // self.batch_size)

    @property
    def flops_per_step(self) -> float:
        """The mean over the steps, as the last batch may be shorter."""
        return flops.of_step(self.layer_sizes, self.rows) * self.epochs / self.steps

    @property
    def summary(self) -> str:
        """The workload in a few words, for a table."""
        sizes = "-".join(map(str, self.layer_sizes))
        full = self.batch_size == self.rows
        batch = f"all {self.rows:,} rows" if full else f"batch {self.batch_size}"
        optimizer = {"adam": "Adam", "sgd": "SGD"}[self.optimizer]
        return f"{self.name}: {sizes}, {batch}, {optimizer}"

    @functools.cached_property
    def y(self) -> np.ndarray:
        """The targets, the same in every process.

        (rows, n_L) numbers, 0 or 1 for sigmoid; (rows,) int64 labels for softmax.
        """
        if self.name == XOR:
            return np.array([[0], [1], [1], [0]], self.dtype)
        scores = self.X @ self._rng("targets").standard_normal(
            (self.layer_sizes[0], self.layer_sizes[-1])
        )
        if self.output == "softmax":
            return scores.argmax(axis=1)
        if self.output == "sigmoid":
            return (scores > 0).astype(self.dtype)
        return np.sin(scores).astype(self.dtype)

    @functools.cached_property
    def X(self) -> np.ndarray:
        """(rows, n_0): the corners of the square for XOR, and normal numbers elsewhere."""
        if self.name == XOR:
            return np.array([[0, 0], [0, 1], [1, 0], [1, 1]], self.dtype)
        return super().X


XOR = "xor"
# Calls of some milliseconds: long beside the clock and the work of starting one, short in a test.
_PLAIN = (
    Training("digits", (64, 32, 10), "relu", "softmax", "float32", 1437, 32, 4),
    Training("tab", (30, 256, 256, 1), "relu", "sigmoid", "float32", 3072, 256, 1),
    Training("mnist32", (784, 128, 10), "relu", "softmax", "float32", 960, 32, 1),
    Training("mnist128", (784, 256, 128, 10), "relu", "softmax", "float32", 1280, 128, 1),
    # A rate of 1e-3 would move a layer's sums as far as they are large in the first step.
    Training("wide", (1024,) * 4 + (10,), "relu", "softmax", "float32", 4096, 256, 1, "adam", 1e-4),
    Training("curve", (4, 32, 16, 4), "tanh", "identity", "float32", 10_000, 10_000, 8),
)
TRAINING = {
    workload.key: workload
    for workload in (
        Training(XOR, (2, 4, 1), "relu", "sigmoid", "float64", 4, 4, 5000, "sgd", 0.1),
        *_PLAIN,
        *(replace(workload, dtype="float64") for workload in _PLAIN),
    )
}
OPTIONS = {
    workload.key: replace(
        workload,
        network_options={"dropout": 0.5, "l2": 1e-4},
        train_options={"clip_norm": 1.0},
    )
    for workload in TRAINING.values()
    if workload.name == "mnist128"
}
PREDICTION = {
    f"{network.name} x {network.rows}": network
    for network in (
        *(
            Network("4-64-64-2", (4, 64, 64, 2), "relu", "identity", "float32", rows)
            for rows in (1, 32, 1000, 100_000)
        ),
        Network("784-512-512-10", (784, 512, 512, 10), "relu", "softmax", "float32", 10_000),
    )
}
