"""What `train(verbose=...)` shows while it runs."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from datetime import timedelta
from time import perf_counter
from typing import Literal

import numpy as np

from .history import History

# Epochs between the plain lines, and the least time between two drawings of a bar.
PRINT_EVERY = 100
DRAW_SECONDS = 0.1


def check_verbose(value) -> bool | Literal["always"]:
    """True or False, also as 1 or 0, or "always"."""
    expected = "expected True, False or 'always'"
    if isinstance(value, str):
        if value != "always":
            raise ValueError(f"verbose is {value!r}, {expected}")
        return "always"
    if not isinstance(value, (bool, np.bool_, int, np.integer)):
        raise TypeError(f"verbose is of type {type(value).__name__}, {expected}")
    return bool(value)


def reporter(
    verbose: bool | Literal["always"], epochs: int, plain: bool
) -> PlainLines | Bar | None:
    """What is told of each epoch, or None where nobody looks.

    verbose : as `check_verbose` gives it; with "always" a bar is drawn on what is no terminal too.
    epochs : how many the history will have in the end.
    plain : the lines of from-scratch networks instead of a bar.
    """
    if not verbose:
        return None
    if plain:
        return PlainLines()
    if sys.stderr is None or not (verbose == "always" or sys.stderr.isatty()):
        return None
    try:
        return TqdmBar(epochs)
    except ImportError:
        return TextBar(epochs)


class PlainLines:
    """The lines that from-scratch networks print."""

    def __init__(self) -> None:
        self._next = 0

    def update(self, history: History) -> None:
        """Print what is due of the epochs that are complete."""
        while self._next < len(history):
            print(f"Epoch {self._next}, Loss: {history[self._next]:.4f}")
            self._next += PRINT_EVERY

    def close(self) -> None:
        """Nothing is left open by whole lines."""


class Bar(ABC):
    """A line on stderr that is drawn again and again."""

    def __init__(self) -> None:
        self._last: History | None = None
        self._next_drawing = perf_counter()

    def update(self, history: History) -> None:
        """Show the last epoch that is complete, unless something was shown just now."""
        self._last = history
        now = perf_counter()
        if now >= self._next_drawing:
            self._next_drawing = now + DRAW_SECONDS
            self._draw(history)

    def close(self) -> None:
        """Show the last epoch and end the line; a second call does nothing."""
        last, self._last = self._last, None
        if last is not None:
            self._draw(last)
        self._end()

    @abstractmethod
    def _draw(self, history: History) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...


class TqdmBar(Bar):
    """The bar of tqdm, which adds the speed and the time left."""

    def __init__(self, epochs: int) -> None:
        from tqdm import tqdm

        super().__init__()
        self._bar = tqdm(total=epochs, unit="epoch", dynamic_ncols=True)

    def _draw(self, history: History) -> None:
        self._bar.set_postfix(_last_values(history), refresh=False)
        # Not tqdm's update, which would look at clocks of its own.
        self._bar.n = len(history)
        self._bar.refresh()

    def _end(self) -> None:
        self._bar.close()


class TextBar(Bar):
    """One line of text; what matters most comes first, because a narrow terminal cuts the rest."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._stream = sys.stderr
        self._epochs = epochs
        self._width = 0

    def _draw(self, history: History) -> None:
        speed = len(history) / max(history.seconds[-1], 1e-9)
        left = timedelta(seconds=round((self._epochs - len(history)) / speed))
        values = [f"{name} {value}" for name, value in _last_values(history).items()]
        parts = [f"epoch {len(history)}/{self._epochs}", f"{left} left", *values]
        line = ", ".join([*parts, f"{speed:.1f} epochs/s"])[: self._columns()]
        # Spaces over what a longer line has left behind.
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def _end(self) -> None:
        if self._width:
            self._stream.write("\n")
            self._stream.flush()
        self._width = 0

    def _columns(self) -> int | None:
        """How long the line may be so that it is not broken; None where it may be any."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            return None
        # A terminal that does not know its size says 0.
        return columns - 1 if columns else None


def _last_values(history: History) -> dict[str, str]:
    named = {"loss": history, "validation": history.validation, "rate": history.learning_rate}
    return {name: f"{values[-1]:.4g}" for name, values in named.items() if values}
