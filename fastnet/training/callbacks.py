"""The user's own functions, called while a network is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .history import History


class Callbacks:
    """The callbacks of one training: each event calls, in order, those that have it.

    A plain function is called after each epoch. All are given the network and the history so far.
    """

    def __init__(self, network, given: tuple, history: History) -> None:
        self._network, self._given, self._history = network, given, history

    def begin(self) -> None:
        """Before the first step."""
        self._call("on_train_begin")

    def end(self) -> None:
        """After the last, with the network as training leaves it."""
        self._call("on_train_end")

    @property
    def at_epoch_end(self) -> list[Callable[[], object]]:
        """Functions of nothing, one of each callback that wants to be called after an epoch."""
        functions: list[Callable[[], object]] = []
        for callback in self._given:
            function = getattr(callback, "on_epoch_end", None)
            if function is None and callable(callback):
                function = callback
            if function is not None:
                functions.append(partial(self._asks_to_stop, function))
        return functions

    def _asks_to_stop(self, function: Callable) -> bool:
        result = function(self._network, self._history)
        # What is compared with NumPy's numbers is a bool of NumPy's.
        return isinstance(result, (bool, np.bool_)) and bool(result)

    def _call(self, event: str) -> None:
        for callback in self._given:
            method = getattr(callback, event, None)
            if method is not None:
                method(self._network, self._history)
