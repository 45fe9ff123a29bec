"""The compiled path: the reference's results from machine code. Numba lives here only."""

from .interface import backward, forward, gradient, loss, penalty, predict, predictor, trainer

__all__ = ["backward", "forward", "gradient", "loss", "penalty", "predict", "predictor", "trainer"]
