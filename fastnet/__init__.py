"""fastnet: multi-layer perceptrons on the CPU, readable and compiled."""

import os as _os

__version__ = "0.1.0"

# In a checkout the kernels stand beside this folder and not in it; installed, they are in it.
_package = _os.path.dirname(_os.path.abspath(__file__))
_checkout = _os.path.dirname(_package)
if not _os.path.isdir(f"{_package}/kernels") and _os.path.isdir(f"{_checkout}/kernels"):
    __path__.append(_checkout)

from . import optimizers, schedules  # noqa: E402
from .custom import Activation, Loss  # noqa: E402
from .losses import Huber, Quantile  # noqa: E402
from .network import NeuralNetwork  # noqa: E402
from .training.history import History  # noqa: E402
from .training.loop import DivergenceWarning  # noqa: E402

__all__ = [
    "Activation",
    "DivergenceWarning",
    "History",
    "Huber",
    "Loss",
    "NeuralNetwork",
    "Quantile",
    "explain",
    "optimizers",
    "schedules",
]


def __getattr__(name):
    """`explain`, imported when it is first asked for: few programs do."""
    if name == "explain":
        from .explanation import explain

        return explain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
