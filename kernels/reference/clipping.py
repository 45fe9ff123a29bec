"""Gradient clipping (Pascanu, Mikolov, Bengio, ICML 2013)."""

import numpy as np


def clip_value(limit, gradient):
    """Each number to [-limit, limit].  gradient : (n,)."""
    limit = gradient.dtype.type(limit)
    np.clip(gradient, -limit, limit, out=gradient)


def clip_norm(limit, gradient):
    """The whole vector to a Euclidean norm of at most `limit`, its direction kept.

    The factor is min(1, limit / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it.
    """
    wide = np.promote_types(gradient.dtype, np.float64)
    norm = np.sqrt(np.square(gradient, dtype=wide).sum())
    # Not Python's min, which loses a NaN.
    gradient *= gradient.dtype.type(np.minimum(1.0, limit / (norm + 1e-6)))
