"""Vectors that begin with a line of the cache, so that no register's worth lies in two."""

import numpy as np

LINE_BYTES = 64


def aligned_zeros(shape, dtype):
    """As `numpy.zeros`; whole rows of a multiple of 64 bytes begin with lines, too."""
    count, itemsize = int(np.prod(shape)), np.dtype(dtype).itemsize
    spare = LINE_BYTES // itemsize
    room = np.zeros(count + spare, dtype)
    first = -room.ctypes.data % LINE_BYTES // itemsize
    return room[first : first + count].reshape(shape)
