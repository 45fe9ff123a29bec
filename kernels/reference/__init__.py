"""The reference path: plain NumPy, written to be read. It defines what is right."""

from .network import backward, forward, gradient, loss, penalty, predict, predictor
from .training import trainer

__all__ = ["backward", "forward", "gradient", "loss", "penalty", "predict", "predictor", "trainer"]
