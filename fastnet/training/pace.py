"""How many threads take part in a slice of training: those that were fastest lately.

A neighbour on one of the cores makes a team wait for its slowest, and no model of costs knows
of neighbours. The number of threads does not change a bit of the result, so it may change from
slice to slice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ..threads import Claim

# To start threads takes a tenth of a millisecond; shorter slices are done without.
SHORTEST_SECONDS = 0.001
# The slower choice is tried again now and then, for this part of a slice: soon at first, as the
# first trial may have met with somebody else's work.
TRY_AGAIN_AT = (4, 8, 16)
TRY_AGAIN_AFTER = 32
PART_OF_SLICE = 8
# The median of so many slices counts: one that was disturbed says nothing of the next. The best of
# them would favour threads, whose times vary more.
SLICES = 3


@dataclass
class Speed:
    """What training takes with batches of one size; a network's next call begins with it.

    chunk_seconds : of the last slices, by the number of threads.
    step_seconds : of the last slice.
    slices : how many there were.
    """

    chunk_seconds: dict[int, deque[float]] = field(default_factory=dict)
    step_seconds: float = 0.0
    slices: int = 0

    def usual(self, n_threads: int) -> float:
        """The seconds of a chunk with so many threads, 0 where that was not measured."""
        measured = sorted(self.chunk_seconds.get(n_threads, (0.0,)))
        return measured[(len(measured) - 1) // 2]


class Pace:
    """The choice between one thread and those of a claim.

    asked : the number that the user asked for, which is then used always, or None.
    """

    def __init__(self, claim: Claim, asked: int | None, speed: Speed) -> None:
        self._claim, self._asked, self._speed = claim, asked, speed

    def next_slice(self, budget: int, expected_seconds: float) -> tuple[int, int]:
        """(threads, budget) of the next slice; it is shorter where it is a trial.

        budget : chunks.  expected_seconds : how long that many take.
        """
        if self._asked is not None:
            return self._asked, budget
        if self._claim.now() == 1 or expected_seconds < SHORTEST_SECONDS:
            return 1, budget
        self._speed.slices += 1
        choices = (1, self._claim.n_threads)
        untried = [n for n in choices if n not in self._speed.chunk_seconds]
        fastest = min(choices, key=self._speed.usual)
        if untried:
            return untried[-1], max(1, budget // PART_OF_SLICE)
        slices = self._speed.slices
        if slices in TRY_AGAIN_AT or slices % TRY_AGAIN_AFTER == 0:
            return sum(choices) - fastest, max(1, budget // PART_OF_SLICE)
        return fastest, budget

    def note(self, n_threads: int, chunks: int, seconds: float) -> None:
        """How long a slice took; one that is too short says more about its start."""
        if seconds >= SHORTEST_SECONDS / PART_OF_SLICE:
            measured = self._speed.chunk_seconds.setdefault(n_threads, deque(maxlen=SLICES))
            measured.append(seconds / chunks)
