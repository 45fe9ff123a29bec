"""Rows into panels, (panels, features, width), and back, and what is done to targets there.

The lanes behind the last row are filled with 0. A panel may have more rows than there are
features: those are left alone.
"""

from .jit import helper


@helper
def gather_rows(source, row_stride, column_stride, order, features, out):
    """source : pointer to the first number; strides in numbers."""
    width = out.shape[2]
    for panel in range(out.shape[0]):
        first = panel * width
        count = min(width, order.size - first)
        for feature in range(features):
            column = feature * column_stride
            # Along the lanes, so that what is written is contiguous; the lines that are read
            # stay in the nearest cache for the next features.
            for lane in range(count):
                out[panel, feature, lane] = source[order[first + lane] * row_stride + column]
            for lane in range(count, width):
                out[panel, feature, lane] = 0


@helper
def gather_labels(source, order, out):
    out[:] = 0
    width = out.shape[2]
    for i in range(order.size):
        out[i // width, source[order[i]], i % width] = 1


@helper
def smooth_targets(kept, added, target):
    real = target.dtype.type
    factor, summand = real(kept), real(added)
    for i in range(target.size):
        target[i] = target[i] * factor + summand


@helper
def scatter_rows(panels, out):
    """out[i] = the row i of the panels.  out : (rows, features), row-major."""
    rows, features = out.shape
    width = panels.shape[2]
    for row in range(rows):
        for feature in range(features):
            out[row, feature] = panels[row // width, feature, row % width]
