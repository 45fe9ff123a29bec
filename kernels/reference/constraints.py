"""Constraints on the weights, restored after each update."""

import numpy as np


def max_norm(limit, weights):
    """Scale the incoming weights of each unit to a Euclidean norm of at most `limit`.

    Srivastava et al., JMLR 15 (2014), section 5.1.  weights : (n_in, n_out), without the bias.
    """
    wide = np.promote_types(weights.dtype, np.float64)
    norms = np.sqrt(np.square(weights, dtype=wide).sum(axis=0))
    too_long = norms > limit
    factors = np.where(too_long, limit / np.where(too_long, norms, 1), 1)
    weights *= factors.astype(weights.dtype)
