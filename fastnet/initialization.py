"""Initial weights."""

from __future__ import annotations

import math

import numpy as np

from . import buffers
from .plan import Plan


def he_normal(plan: Plan, normal) -> np.ndarray:
    """A flat vector with weights of variance 2 / n_in and biases of 0.

    One draw a layer, in order (He, Zhang, Ren, Sun, ICCV 2015, equation 10).

    normal : function of (n_in, n_out) that draws standard normal numbers of that shape.
    """
    parameters = np.zeros(plan.size, plan.dtype)
    for weights in buffers.weights(plan, parameters):
        n_in, n_out = weights.shape
        weights[...] = normal(n_in, n_out) * math.sqrt(2 / n_in)
    return parameters
