"""fastnet: multi-layer perceptrons on the CPU, readable and compiled."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# In a checkout the kernels stand beside this folder and not in it; installed, they are in it.
_checkout = _Path(__file__).parent.parent
if not (_Path(__file__).parent / "kernels").is_dir() and (_checkout / "kernels").is_dir():
    __path__.append(str(_checkout))

from .network import NeuralNetwork  # noqa: E402

__all__ = ["NeuralNetwork"]
