"""fastnet: multi-layer perceptrons on the CPU, readable and compiled."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# In a checkout the kernels stand beside this folder and not in it; installed, they are in it.
_checkout = _Path(__file__).parent.parent
if not (_Path(__file__).parent / "kernels").is_dir() and (_checkout / "kernels").is_dir():
    __path__.append(str(_checkout))

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
