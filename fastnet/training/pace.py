"""How many threads take part in a slice of training: those that were fastest lately.

A neighbour on one of the cores makes a team wait for its slowest, and no model of costs knows
of neighbours. The number of threads does not change a bit of the result, so it may change from
slice to slice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..threads import Claim

# To start threads takes a tenth of a millisecond; shorter slices are done without.
SHORTEST_SECONDS = 0.002
# So many slices later the slower choice is tried again, for this part of a slice.
TRY_AGAIN_AFTER = 32
PART_OF_SLICE = 8


@dataclass
class Speed:
    """What training takes with batches of one size; a network's next call begins with it.

    chunk_seconds : by the number of threads.  step_seconds : of the last slice.
    slices : how many there were.
    """

    chunk_seconds: dict[int, float] = field(default_factory=dict)
    step_seconds: float = 0.0
    slices: int = 0


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
        seconds = self._speed.chunk_seconds
        choices = (1, self._claim.n_threads)
        untried = [n for n in choices if n not in seconds]
        fastest = min(choices, key=lambda n: seconds.get(n, 0.0))
        if untried:
            return untried[-1], max(1, budget // PART_OF_SLICE)
        if self._speed.slices % TRY_AGAIN_AFTER == 0:
            return sum(choices) - fastest, max(1, budget // PART_OF_SLICE)
        return fastest, budget

    def note(self, n_threads: int, chunks: int, seconds: float) -> None:
        """How long a slice took; one that is too short says more about its start."""
        if seconds >= SHORTEST_SECONDS / PART_OF_SLICE:
            self._speed.chunk_seconds[n_threads] = seconds / chunks
