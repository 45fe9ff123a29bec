"""Dropout: units that are left out of a step (Srivastava et al., JMLR 15, 2014).

Which ones is a function of a key and the place of the unit, so that it is the same on both paths,
in any order and on any number of threads.
"""

import numpy as np

from .shuffling import random_bits


def dropout(key, first_row, rate, mask, a):
    """Set a part `rate` of the activations to 0 and divide the others by 1 - rate.

    key : of the step and the layer.  first_row : the place in the batch of the first row of `a`.
    a, mask : (rows, features); the mask, 0 or 1 / (1 - rate), is kept for the way back.
    """
    rows, features = a.shape
    places = (first_row + np.arange(rows))[:, None] * features + np.arange(features)
    uniform = (random_bits(key, places) >> np.uint64(11)) * 2.0**-53
    mask[...] = np.where(uniform >= rate, 1 / (1 - rate), 0)
    a *= mask


def dropout_backward(mask, delta):
    """The gradient passes where the activation did."""
    delta *= mask
