"""Ctrl-C while training: noted, and looked at between two slices."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Interrupts:
    """Within this context a Ctrl-C is noted and does not cut a step in two.

    Python's own handler is replaced, in the main thread only; a handler of the user's stays.
    """

    def __init__(self) -> None:
        self.requested = False
        self._replaced = False
        self._raises = False

    def __enter__(self) -> Interrupts:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._replaced = True
        return self

    def __exit__(self, *exception) -> None:
        # Unless a callback has put a handler in its place.
        if self._replaced and signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Within this context a Ctrl-C raises KeyboardInterrupt, as nothing is left half done."""
        self._raises = True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def _note(self, number, frame) -> None:
        self.requested = True
        if self._raises:
            # Once: what cleans up after it is not to be cut short.
            self._raises = False
            raise KeyboardInterrupt
