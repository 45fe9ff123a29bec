"""Rows into panels, (panels, features, width), and back, and what is done to targets there.

The lanes behind the last row are filled with 0. A panel may have more rows than there are
features: those are left alone.
"""

from .jit import helper
from .microkernel import vector_lanes
from .pointers import at
from .transposition import gather_block


@helper
def gather_rows(source, row_stride, column_stride, order, features, out):
    """source : pointer to the first number, of any dtype; strides in numbers."""
    for panel in range(out.shape[0]):
        gather_features(source, row_stride, column_stride, order, 0, features, panel, out)


@helper
def gather_like_rows(source, row_stride, column_stride, order, features, out):
    """The same from numbers of the dtype of `out`: blocks of a row's numbers are read at once."""
    width = out.shape[2]
    lanes = vector_lanes(out)
    in_blocks = features // lanes * lanes if column_stride == 1 else 0
    for panel in range(out.shape[0]):
        done = 0
        if order.size - panel * width >= width:
            done = in_blocks
            for lane in range(0, width, lanes):
                rows = at(order, panel * width + lane)
                for feature in range(0, done, lanes):
                    to = at(out, (panel * out.shape[1] + feature) * width + lane)
                    gather_block(at(source, feature), row_stride, rows, to, width)
        gather_features(source, row_stride, column_stride, order, done, features, panel, out)


@helper
def gather_features(source, row_stride, column_stride, order, begin, end, panel, out):
    """The features from `begin` to `end` of the rows of one panel."""
    width = out.shape[2]
    first = panel * width
    count = min(width, order.size - first)
    for feature in range(begin, end):
        column = feature * column_stride
        # Along the lanes, so that what is written is contiguous; the lines that are read stay
        # in the nearest cache for the next features.
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
