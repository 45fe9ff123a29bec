"""What a run of training leaves behind: the list of its losses, and what was noted beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

# Why a run ended -> how its history says so.
STOPPED_BY = {
    "epochs": "all of its epochs are done",
    "patience": "nothing better came within its patience",
    "max_seconds": "its time was up",
    "interrupt": "it was interrupted",
    "divergence": "its loss diverged",
    "callback": "a callback asked for it",
}
ROWS_SHOWN = 12


class History(list[float]):
    """The training losses, one for each completed epoch, as a list that knows more.

    Attributes
    ----------
    validation : list of float
        The validation losses, one an epoch; empty without a validation set.
    metrics : dict of str to list of float
        Name of a metric -> its values, one an epoch.
    learning_rate : list of float
        The rate at the last step of each epoch.
    seconds : list of float
        Wall seconds from the start of training to the end of each epoch.
    best_epoch : int or None
        The index of the best epoch, counted from 0; None where no epoch is looked for.
    stopped_by : {"epochs", "patience", "max_seconds", "interrupt", "divergence", "callback"}
        What ended the run.
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        super().__init__(losses)
        self.validation: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.learning_rate: list[float] = []
        self.seconds: list[float] = []
        self.best_epoch: int | None = None
        self.stopped_by = "epochs"

    def plot(self, axes=None):
        """Draw the losses over the epochs and mark the best; returns the Matplotlib axes.

        The scale is logarithmic where all that is finite is positive.

        axes : matplotlib.axes.Axes, optional
            Where to draw. Default: the axes of a new figure of pyplot.

        Raises
        ------
        ImportError
            Where Matplotlib is needed and not installed.
        """
        if axes is None:
            try:
                from matplotlib import pyplot
            except ImportError:
                raise ImportError(
                    "History.plot draws with Matplotlib: pip install 'fastnet[demo]'"
                ) from None
            _, axes = pyplot.subplots(layout="constrained")
        # A single epoch has no line.
        marker = "o" if len(self) == 1 else ""
        axes.plot(self, marker=marker, label="training")
        if self.validation:
            axes.plot(self.validation, marker=marker, label="validation")
        if self.best_epoch is not None:
            axes.axvline(self.best_epoch, color="gray", ls=":", label=f"best: {self.best_epoch}")
        finite = [loss for loss in (*self, *self.validation) if math.isfinite(loss)]
        if finite and min(finite) > 0:
            axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend()
        return axes

    def as_dict(self) -> dict:
        """All of it as dicts, lists, floats, ints and strings, which `json` can write.

        NaN and infinities are kept, as `json` writes them by default.
        """
        return {
            "losses": _floats(self),
            "validation": _floats(self.validation),
            "metrics": {name: _floats(values) for name, values in self.metrics.items()},
            "learning_rate": _floats(self.learning_rate),
            "seconds": _floats(self.seconds),
            "best_epoch": None if self.best_epoch is None else int(self.best_epoch),
            "stopped_by": self.stopped_by,
        }

    def __repr__(self) -> str:
        if not self:
            return f"<History: no epochs, stopped by {self.stopped_by}>"
        parts = [self._epochs(), f"loss {self[-1]:.4g}"]
        if self.validation:
            parts.append(f"validation {self.validation[-1]:.4g}")
        if self.best_epoch is not None:
            parts.append(f"best epoch {self.best_epoch}")
        return f"<History: {', '.join(parts)}, stopped by {self.stopped_by}>"

    def __str__(self) -> str:
        ended = f"Stopped after {self._epochs()}: {STOPPED_BY[self.stopped_by]}."
        if not self:
            return ended
        shown = set(np.linspace(0, len(self) - 1, ROWS_SHOWN - 1).round().astype(int).tolist())
        if self.best_epoch is not None and self.best_epoch < len(self):
            shown.add(self.best_epoch)
            ended += f" The best epoch is {self.best_epoch}."
        columns = [
            ("epoch", "d", range(len(self))),
            ("loss", ".5g", self),
            ("validation", ".5g", self.validation),
            *((name, ".5g", values) for name, values in self.metrics.items()),
            ("rate", ".3g", self.learning_rate),
            ("seconds", ".2f", self.seconds),
        ]
        lines = [""] * (len(shown) + 1)
        for title, form, values in columns:
            # Only what was noted in every epoch; the list may have been changed since.
            if len(values) == len(self):
                cells = [title, *(f"{values[epoch]:{form}}" for epoch in sorted(shown))]
                width = max(map(len, cells))
                lines = [
                    f"{line}  {cell:>{width}}" for line, cell in zip(lines, cells, strict=True)
                ]
        return "\n".join([*(line[2:] for line in lines), ended])

    def _epochs(self) -> str:
        return "1 epoch" if len(self) == 1 else f"{len(self)} epochs"


def _floats(values: Iterable[float]) -> list[float]:
    return [float(value) for value in values]
