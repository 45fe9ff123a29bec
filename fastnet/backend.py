"""The one importer of the two paths; both have the same functions."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from .validation import one_of

NAMES = ("compiled", "reference")
VARIABLE = "FASTNET_BACKEND"


def choose(name: str | None) -> str:
    """The path to use: the one named, or the environment's, or the compiled one."""
    if name is None:
        name = one_of(os.environ.get(VARIABLE) or "compiled", VARIABLE, NAMES)
    one_of(name, "backend", NAMES)
    if name == "compiled" and importlib.util.find_spec("numba") is None:
        raise ImportError(
            "backend 'compiled' needs Numba, which is not installed: pip install numba, "
            "or use backend='reference'"
        )
    return name


def load(name: str, part: str | None = None) -> ModuleType:
    """The path `name`, or a part of it. Numba is imported here, not before."""
    package = f"{__package__}.kernels.{name}"
    return importlib.import_module(f"{package}.{part}" if part else package)
