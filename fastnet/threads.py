"""How many threads work on a training or a prediction, if the user does not say."""

from __future__ import annotations

import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable

from .plan import Plan

# A thread of its own pays where it has so many FLOPs between two waits for the others, and so
# many rows: less than a vector of them takes as long as a whole one.
FLOPS_PER_THREAD = 2_000_000
ROWS_PER_THREAD = 16
# A prediction waits for nobody, but starts its threads anew: in 0.1 ms, where this takes 1 ms.
FLOPS_PER_PREDICTING_THREAD = 100_000_000
ROWS_PER_PREDICTING_THREAD = 64
# Fewer are never shared out.
ROWS_TO_SHARE = 2 * ROWS_PER_PREDICTING_THREAD


def paid_by_step(plan: Plan, rows: int) -> int:
    """How many threads a step of training is enough work for, with so many rows in a batch."""
    return min(flops_of_step(plan, rows) // FLOPS_PER_THREAD, rows // ROWS_PER_THREAD)


def paid_by_prediction(plan: Plan, rows: int) -> int:
    """How many threads a prediction of so many rows is enough work for."""
    flops = 2 * rows * plan.size
    return min(flops // FLOPS_PER_PREDICTING_THREAD, rows // ROWS_PER_PREDICTING_THREAD)


class Claim:
    """The threads of one training or prediction, as long as this object lives or `end` is called.

    Arguments as of `choose`.

    Attributes
    ----------
    n_threads : int
    reason : str
        Why so many, in a few words.
    """

    def __init__(
        self, plan: Plan, rows: int, asked: int | None, paid_by: Callable = paid_by_step
    ) -> None:
        self._asked = asked
        with _lock:
            self.n_threads, self.reason = choose(plan, rows, asked, paid_by)
            _claims.add(self)

    def now(self) -> int:
        """As many as there are cores for at the moment: others may have begun to work."""
        if self._asked is None and self.n_threads > 1 and _claimed() > available():
            return 1
        return self.n_threads

    def end(self) -> None:
        """Leave the cores to others."""
        _claims.discard(self)


_claims: weakref.WeakSet[Claim] = weakref.WeakSet()
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _claims.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def choose(
    plan: Plan, rows: int, asked: int | None, paid_by: Callable = paid_by_step
) -> tuple[int, str]:
    """How many threads, and why.

    Parameters
    ----------
    plan : Plan
    rows : int
        Of a batch.
    asked : int or None
        What the user wants; None for as many as pay.
    paid_by : function
        Of (plan, rows): how many threads they are enough work for.
    """
    if asked is not None:
        return asked, "as asked for"
    paid = paid_by(plan, rows)
    if paid < 2:
        return 1, "too little work to share"
    cores = available()
    if cores == 1:
        return 1, "one core is available to this process"
    free = cores - _claimed()
    if free < 2:
        return 1, "the other cores are at work for this process"
    if paid < free:
        return paid, f"work for {paid} of {cores} cores"
    return free, f"{cores} cores are available to this process" + (
        f", {cores - free} of them at work" if free < cores else ""
    )


def flops_of_step(plan: Plan, rows: int) -> int:
    """The floating-point operations of the products of one step: 6 for each weight and row, but
    4 for those of the first layer, whose inputs need no gradient."""
    weights = [layer.n_in * layer.n_out for layer in plan.layers]
    return 6 * rows * sum(weights) - 2 * rows * weights[0]


def available() -> int:
    """The cores that this process may use: 1 in a worker of multiprocessing or joblib."""
    # A worker has imported it; here it would be a tenth of the time of `import fastnet`.
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing and (
        multiprocessing.parent_process() is not None
        or multiprocessing.current_process().name.startswith("Loky")
    ):
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, int(min(cores, _quota())))


@functools.cache
def _quota() -> float:
    """The cores' worth of time that Linux's control group allows, or infinity."""
    try:
        limit, period = _read("cpu.max").split()
        return float(limit) / float(period) if limit != "max" else float("inf")
    except (OSError, ValueError):
        pass
    try:
        limit, period = _read("cpu/cpu.cfs_quota_us"), _read("cpu/cpu.cfs_period_us")
        return float(limit) / float(period) if float(limit) > 0 else float("inf")
    except (OSError, ValueError):
        return float("inf")


def _read(name: str) -> str:
    # Not pathlib, which is a seventh of the time of `import fastnet`.
    with open(f"/sys/fs/cgroup/{name}", encoding="ascii") as file:
        return file.read()


def _claimed() -> int:
    return sum(claim.n_threads for claim in tuple(_claims))
