"""The rows of a mini-batch, picked by index."""

import numpy as np


def gather_rows(source, order, out):
    """out[i] = source[order[i]].  source : (rows, features), order : (n,), out : (n, features)."""
    np.take(source, order, axis=0, out=out)


def gather_labels(source, order, out):
    """Row i of `out` is 0 but for a 1 at the label source[order[i]].  source : (rows,) int64."""
    out[...] = 0
    out[np.arange(len(order)), source[order]] = 1
