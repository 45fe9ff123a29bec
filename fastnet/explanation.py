"""What a training step of a network costs, measured: `fastnet.explain`."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import backend, initialization, threads, validation
from .network import NeuralNetwork
from .plan import Plan

# How much is measured: at least so long, in epochs of at most so many steps, about so many FLOPs
# and bytes of data.
SECONDS = 0.3
EPOCH_STEPS = 64
EPOCH_FLOPS = 2 * 10**9
EPOCH_BYTES = 2**24
# What is larger is in no cache.
MOST_READ = 2**26
# The gradient and Adam's two moments stand beside the parameters, each as long.
VECTORS = 4
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"))


@dataclass(frozen=True, repr=False)
class Explanation:
    """The numbers of a training step with Adam; its text is a report.

    Attributes
    ----------
    network : str
        Its repr.
    batch_size, parameters : int
        The rows of a step; the length of the flat vector.
    flops : int
        Of the products of a step: 6 B sum(n_in n_out) - 2 B n_0 n_1 for B rows. Forward, gradient
        of the weights and gradient of the inputs are two for each weight and row; the inputs of
        the first layer need no gradient.
    bytes : int
        What a step touches: parameters, gradient and Adam's two moments are each read and
        written once, so are each layer's activations and their gradients; inputs and targets
        are read once.
    seconds : float
        Measured for one step, on random data.
    threads, reason : int, str
        How many threads the step is spread over, and why.
    ceiling : float or None
        Measured FLOP/s of one core: independent multiply-adds on full vectors. None, like
        all below, where Numba does not load.
    bandwidth : float or None
        Measured bytes/s at which one core reads what a step touches.
    vector_bytes, tile : int, (int, int), or None
        The width of a vector register; rows and columns of the register tile.
    """

    network: str
    batch_size: int
    parameters: int
    flops: int
    bytes: int
    seconds: float
    threads: int
    reason: str
    ceiling: float | None = None
    bandwidth: float | None = None
    vector_bytes: int | None = None
    tile: tuple[int, int] | None = None

    @property
    def share(self) -> float | None:
        """FLOPs a second over the ceiling of the cores in use."""
        if self.ceiling is None:
            return None
        return self.flops / self.seconds / (self.threads * self.ceiling)

    def __str__(self) -> str:
        lines = {
            "step": f"{self.batch_size} rows with Adam, {self.parameters:,} parameters",
            "work": f"{scaled(self.flops, 'FLOP')}, {scaled(self.bytes, 'B')}",
            "time": f"{scaled(self.seconds, 's')}, {scaled(self.flops / self.seconds, 'FLOP/s')}",
            "threads": f"{self.threads}: {self.reason}",
        }
        if self.ceiling and self.bandwidth and self.tile:
            lines |= {
                "ceiling": f"{scaled(self.ceiling, 'FLOP/s')} a core; the step reaches "
                f"{self.share:.1%}",
                "bandwidth": f"{scaled(self.bandwidth, 'B/s')} a core, for what a step touches",
                "vectors": f"{self.vector_bytes} bytes, tile {self.tile[0]} x {self.tile[1]}",
            }
        return "\n".join([self.network, *(f"  {name:9}  {line}" for name, line in lines.items())])

    __repr__ = __str__


def scaled(value: float, unit: str) -> str:
    """A quantity with four digits and a prefix, such as "12.34 GFLOP/s"."""
    factor, prefix = next((p for p in PREFIXES if value >= p[0]), PREFIXES[-1])
    return f"{value / factor:.4g} {prefix}{unit}"


def explain(network: NeuralNetwork, batch_size: int = 32) -> Explanation:
    """Say what a training step of this network costs here, and what it could cost at best.

    A copy of the network is trained on random data with Adam for a third of a second; the network
    itself stays as it is.

    Parameters
    ----------
    network : NeuralNetwork
    batch_size : int
        The rows of a step.

    Returns
    -------
    Explanation
        Its text is a report; its attributes are the numbers.

    Raises
    ------
    TypeError, ValueError
        In one sentence, where an argument is not as described.
    """
    if not isinstance(network, NeuralNetwork):
        raise TypeError(
            f"network is {validation.kind_of(network)}, expected a fastnet.NeuralNetwork"
        )
    rows = validation.whole_number(batch_size, "batch_size", 1)
    plan = network._plan
    touched = bytes_of_step(plan, rows)
    n_threads, reason = _threads(network, rows)
    return Explanation(
        repr(network),
        rows,
        plan.size,
        threads.flops_of_step(plan, rows),
        touched,
        _seconds_of_step(network, rows, n_threads),
        n_threads,
        reason,
        **_machine(plan, touched),
    )


def _threads(network: NeuralNetwork, rows: int) -> tuple[int, str]:
    if network.backend == "reference":
        return 1, "the reference path has no others, but NumPy may"
    return threads.choose(network._plan, rows, network.n_threads)


def bytes_of_step(plan: Plan, rows: int) -> int:
    """See `Explanation`."""
    n_in, *others = plan.layer_sizes
    of_rows = n_in + 4 * sum(others) + others[-1]
    return np.dtype(plan.dtype).itemsize * (2 * VECTORS * plan.size + rows * of_rows)


def _seconds_of_step(network: NeuralNetwork, rows: int, n_threads: int) -> float:
    """The best of several trainings, without what `train` does before its first step."""
    plan, rng = network._plan, np.random.default_rng(0)
    twin = copy.copy(network)
    twin.reset_training()
    twin._rng, twin.parameters = rng, initialization.initial(plan, "he_normal", rng)
    n_in, *_, n_out = plan.layer_sizes
    batch_bytes = np.dtype(plan.dtype).itemsize * rows * (n_in + n_out)
    flops = threads.flops_of_step(plan, rows)
    steps = max(1, min(EPOCH_STEPS, EPOCH_FLOPS // flops, EPOCH_BYTES // batch_bytes))
    X = rng.random((steps * rows, n_in), np.dtype(plan.dtype))
    # Every loss takes rows of one 1.
    columns = n_out // plan.outputs_per_target
    y = np.eye(columns, dtype=plan.dtype)[rng.integers(columns, size=len(X))]

    # At a rate of 0 the weights stay, and nothing can diverge.
    options = {"batch_size": rows, "optimizer": "adam", "n_threads": n_threads}
    best, total, epochs = float("inf"), 0.0, 1
    while total < SECONDS:
        history = twin.train(X, y, epochs, 0.0, False, **options)
        seconds = history.seconds[-1]
        if seconds < SECONDS / 10:  # mostly what is done around the steps
            epochs *= 2
        else:
            best = min(best, seconds / (epochs * steps))
            total += seconds
    return best


def _machine(plan: Plan, touched: int) -> dict[str, Any]:
    """What the core can do, as far as there is Numba to measure it."""
    try:
        ceiling, microkernel = (backend.load("compiled", p) for p in ("ceiling", "microkernel"))
    except ImportError:
        return {}
    columns = microkernel.TILE_VECTORS * microkernel.lanes(np.dtype(plan.dtype).itemsize)
    return {
        "ceiling": ceiling.flops_per_second(plan.dtype),
        "bandwidth": ceiling.bytes_per_second(min(touched, MOST_READ)),
        "vector_bytes": microkernel.VECTOR_BYTES,
        "tile": (microkernel.TILE_ROWS, columns),
    }
