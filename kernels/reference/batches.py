"""The rows of a mini-batch, picked by index, and what is done to their targets."""

import numpy as np


def gather_rows(source, order, out):
    """out[i] = source[order[i]], in the dtype of `out`.

    source : (rows, features) of any real dtype and strides, order : (n,), out : (n, features).
    """
    out[...] = source[order]


def gather_labels(source, order, out):
    """Row i of `out` is 0 but for a 1 at the label source[order[i]].  source : (rows,) int64."""
    out[...] = 0
    out[np.arange(len(order)), source[order]] = 1


def smooth_targets(kept, added, target):
    """Label smoothing (Szegedy et al., CVPR 2016, section 7): kept t + added, in place.

    target : (rows, outputs).
    """
    target *= target.dtype.type(kept)
    target += target.dtype.type(added)
