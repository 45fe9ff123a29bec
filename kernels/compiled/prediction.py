"""Predictions: rows in, output activations out, nothing kept.

A few rows go through the layers as they lie. More of them go in panels, a chunk at a time that
stays in the cache from the inputs to the outputs. Both ways add up each number in the same order.
All that a call needs stands in a table of integers, of which each call has its own, and a
workspace with it: threads may predict with one network at the same time, or share out its rows.
"""

import functools
from itertools import pairwise

import numpy as np
from numba import carray, types

from ..memory import aligned_zeros
from . import binding, caches
from .jit import ONE, c_kernel, entry, helper
from .layers import panel_width, scratch_size
from .matmul import K_BLOCK
from .microkernel import TILE_VECTORS, lanes, multiply_tile, tile_height, vector_lanes
from .pointers import at, call, copy, integers, pointer
from .row_product import multiply_row
from .sharing import share_out
from .table import AFFINE
from .transposition import transpose_block

# Weights of so many bytes stay in the second-level cache, where every panel may go through all
# layers alone; larger ones are packed once for so many panels, if these take no more bytes.
RESIDENT_BYTES = caches.sizes().l2 // 4
CHUNK_PANELS = 16
CHUNK_BYTES = 2**24
# Numbers that are converted at a time, where that has to be done.
BLOCK_NUMBERS = 2**16

# Places of the table ...
RUN = 0  # address
PRODUCT = 1  # address
PARAMETERS = 2  # address
WORKSPACE = 3  # address; the activations are at its start
LOGITS = 4  # places in the workspace, this and ...
ONES = 5
ZEROS = 6
SCRATCH = 7
CAPACITY = 8  # rows of a chunk
FEW = 9  # rows that go through the layers as they lie
N_LAYERS = 10
IS_FINITE = 11  # whether all inputs of the last call were
LAYERS = 12
# ... and of each layer's part, from there on.
N_IN = 0
N_OUT = 1
WEIGHTS = 2  # a place in the parameters
ACTIVATE = 3  # address
RECTIFIES = 4  # whether its product makes the output at once
LAYER_SIZE = 5


class Predictor:
    """The predictions of one network.

    plan : what it is.  parameters : flat vector, read at each call.
    """

    def __init__(self, plan, parameters):
        self._parameters = parameters
        self._n_in, self._n_out = plan.layer_sizes[0], plan.layer_sizes[-1]
        self._dtype = np.dtype(plan.dtype)
        self._panel = TILE_VECTORS * lanes(parameters.itemsize)
        self._table, self._room = _lay_out(plan, parameters)
        # Those that no call is using; `pop` and `append` are atomic.
        self._tables = []

    def predict(self, X, n_threads=1):
        """The output activations, (rows, n_L), or None where an input is not finite.

        X : (rows, n_0) or (n_0,), real numbers of any dtype.  n_threads : the most that take part.
        """
        out = np.empty((X.size // self._n_in, self._n_out), self._dtype)
        if n_threads == 1:
            return out if self._fill(X, out) else None
        return out if self._fill_on_threads(X.reshape(-1, self._n_in), out, n_threads) else None

    def predict_rows(self, X, rows=None):
        """The output activations, (rows, n_L), from a copy of each block of the inputs.

        X : (rows, n_0).  rows : int64, those of X that are meant, or None for all.
        """
        count = len(X) if rows is None else len(rows)
        out = np.empty((count, self._n_out), self._dtype)
        self._fill_converted(X, rows, out)
        return out

    def _fill(self, X, out):
        """Returns whether all inputs are finite."""
        if X.dtype is not self._dtype or not X.flags.carray:
            return self._fill_converted(X.reshape(-1, self._n_in), None, out)
        try:
            mine = self._tables.pop()
        except IndexError:
            mine = self._new_table()
        is_finite = predict(mine[0], X, out)
        self._tables.append(mine)
        return is_finite

    def _fill_on_threads(self, X, out, n_threads):
        parts = _whole_panels(len(X), n_threads, self._panel)
        return all(share_out(lambda part: self._fill(X[part], out[part]), parts))

    def _fill_converted(self, X, rows, out):
        # Whole chunks, so that large weights are packed no more often than they have to be.
        chunk, is_finite = int(self._table[CAPACITY]), True
        step = -(-BLOCK_NUMBERS // (chunk * self._n_in)) * chunk
        for first in range(0, len(out), step):
            part = slice(first, first + step)
            # What is too small or too large for the dtype becomes 0 or infinite.
            with np.errstate(all="ignore"):
                block = np.array(X[part if rows is None else rows[part]], self._dtype, order="C")
            is_finite &= self._fill(block, out[part])
        return is_finite

    def _new_table(self):
        """(Its address, the table, its workspace)."""
        workspace, table = aligned_zeros(self._room, self._dtype), self._table.copy()
        table[WORKSPACE] = workspace.ctypes.data
        workspace[table[ONES] : table[ZEROS]] = 1
        return table.ctypes.data, table, workspace


def _whole_panels(rows, count, panel):
    """At most `count` slices of the rows, none of which begins within a panel."""
    panels = -(-rows // panel)
    count = min(count, panels)
    cuts = [panels * i // count * panel for i in range(count + 1)]
    return [slice(*pair) for pair in pairwise(cuts)]


def _lay_out(plan, parameters):
    """The table without its workspace, and how many numbers that is."""
    widest = max(plan.layer_sizes) + 1
    panel = TILE_VECTORS * lanes(parameters.itemsize)
    is_resident = parameters.nbytes <= RESIDENT_BYTES
    most = CHUNK_BYTES // (panel * 2 * widest * parameters.itemsize)
    capacity = panel * (1 if is_resident else max(1, min(CHUNK_PANELS, most)))
    # So many take as long as a panel of one vector; each of them reads all weights.
    few = max(1, lanes(parameters.itemsize) * (3 if is_resident else 1) // 8)
    logits, ones = widest * capacity, 2 * widest * capacity
    room = scratch = ones + 2 * panel
    if not is_resident:
        room += max(scratch_size(layer.n_in, layer.n_out) for layer in plan.layers)
    table = np.zeros(LAYERS + len(plan.layers) * LAYER_SIZE, np.int64)
    table[RUN] = _machine_code(plan.dtype).address
    table[PRODUCT] = binding.address(binding.product, "product", plan.dtype)
    table[PARAMETERS] = parameters.ctypes.data
    table[LOGITS], table[ONES], table[ZEROS], table[SCRATCH] = logits, ones, ones + panel, scratch
    table[CAPACITY], table[FEW] = capacity, few
    table[N_LAYERS] = len(plan.layers)
    for row, layer in zip(table[LAYERS:].reshape(-1, LAYER_SIZE), plan.layers, strict=True):
        row[N_IN], row[N_OUT], row[WEIGHTS] = layer.n_in, layer.n_out, layer.span.start
        row[ACTIVATE] = binding.address(binding.activation, layer.activation, plan.dtype)
        row[RECTIFIES] = layer.activation == "relu"
    return table, room


@functools.cache
def _machine_code(dtype):
    """`run`, compiled once however the inputs lie; see `predict`."""
    reals = types.CPointer(types.float64 if dtype == "float64" else types.float32)

    def kernel(table, X, rows, out):
        run(integers(table), X, rows, out)

    return c_kernel(kernel, (types.intp, reals, types.intp, reals), f"prediction-{dtype}")


@entry
def predict(table, X, out):
    """Fill `out`, (rows, n_L), from X, (rows, n_0) or (n_0,); false if an input is not finite.

    table : its address.
    """
    places = integers(table)
    call(places[RUN], table, at(X, 0), out.shape[0], at(out, 0))
    return places[IS_FINITE] != 0


@helper
def run(table, X, rows, out):
    """Chunk by chunk.  Here and below X and out are pointers to the rows that are meant."""
    workspace = pointer(table[WORKSPACE], carray(out, 1))
    parameters = pointer(table[PARAMETERS], carray(out, 1))
    last = LAYERS + (table[N_LAYERS] - 1) * LAYER_SIZE
    capacity, n_in, n_out = table[CAPACITY], table[LAYERS + N_IN], table[last + N_OUT]
    table[IS_FINITE] = 1
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        inputs, outputs = at(X, first * n_in), at(out, first * n_out)
        if count <= table[FEW]:
            run_rows(table, parameters, workspace, inputs, count, outputs)
        else:
            run_panels(table, parameters, workspace, inputs, count, outputs)


@helper
def run_rows(table, parameters, workspace, X, rows, out):
    """One row after the other."""
    a, z = at(workspace, 0), at(workspace, table[LOGITS])
    last = LAYERS + (table[N_LAYERS] - 1) * LAYER_SIZE
    check_finite(X, rows * table[LAYERS + N_IN], table)
    for row in range(rows):
        n = table[LAYERS + N_IN]
        copy(at(X, row * n), a, n)
        for layer in range(LAYERS, last + 1, LAYER_SIZE):
            # What the bias is multiplied by.
            a[n] = 1
            n_in, n = n, table[layer + N_OUT]
            multiply_row(a, at(parameters, table[layer + WEIGHTS]), n_in + 1, n, z)
            call(table[layer + ACTIVATE], z, a, n, 1)
        copy(a, at(out, row * n), n)


@helper
def run_panels(table, parameters, workspace, X, rows, out):
    """A chunk of rows, layer by layer."""
    a, z = at(workspace, 0), at(workspace, table[LOGITS])
    ones, zeros = at(workspace, table[ONES]), at(workspace, table[ZEROS])
    width = panel_width(rows, vector_lanes(out), ONE)
    n = table[LAYERS + N_IN]
    for first in range(0, rows, width):
        count, to = min(width, rows - first), at(a, first * (n + 1))
        check_finite(at(X, first * n), count * n, table)
        if count < width:
            # What others left in the lanes behind the rows may be subnormal, which is slow.
            for i in range(n):
                copy(zeros, at(to, i * width), width)
        transpose(at(X, first * n), n, count, n, to, width)
    for place in range(table[N_LAYERS]):
        layer = LAYERS + place * LAYER_SIZE
        n_in, n = n, table[layer + N_OUT]
        for first in range(0, rows, width):
            copy(ones, at(a, first * (n_in + 1) + n_in * width), width)
        weights, rectify = at(parameters, table[layer + WEIGHTS]), table[layer + RECTIFIES]
        if vector_lanes(out) < rows <= width and n_in < K_BLOCK:
            multiply_panel(a, weights, n_in + 1, n, rectify, z)
        else:
            scratch, which = at(workspace, table[SCRATCH]), AFFINE + rectify
            call(table[PRODUCT], which, a, weights, z, scratch, n_in, n, rows, width, 0, 0, 0)
        if rectify:
            a, z = z, a
        else:
            for first in range(0, rows, width):
                call(table[layer + ACTIVATE], at(z, first * n), at(a, first * (n + 1)), n, width)
    for first in range(0, rows, width):
        count = min(width, rows - first)
        transpose(at(a, first * (n + 1)), width, n, count, at(out, first * n), n)


@helper
def multiply_panel(a, weights, k, n_out, rectify, z):
    """z = W^T a for one panel; its width is known when this is compiled, which is 10 % faster."""
    width = TILE_VECTORS * vector_lanes(z)
    feature = 0
    while feature < n_out:
        height = tile_height(n_out - feature)
        multiply_tile(
            at(weights, feature),
            ONE,
            n_out,
            k,
            0,
            a,
            width,
            at(z, feature * width),
            width,
            height,
            width,
            k,
            0,
            rectify,
        )
        feature += height


@helper
def check_finite(x, count, table):
    """Note it in the table if one of these numbers is a NaN or an infinity."""
    found = False
    for i in range(count):
        # Only of these the difference is not zero.
        found |= x[i] - x[i] != 0
    if found:
        table[IS_FINITE] = 0


@helper
def transpose(source, stride, rows, columns, out, out_stride):
    """out[j * out_stride + i] = source[i * stride + j] for i < rows and j < columns."""
    lanes = vector_lanes(source)
    if rows < lanes or columns < lanes:
        for i in range(rows):
            for j in range(columns):
                out[j * out_stride + i] = source[i * stride + j]
        return
    for next_row in range(0, rows, lanes):
        # The last blocks overlap those before.
        i = min(next_row, rows - lanes)
        for next_column in range(0, columns, lanes):
            j = min(next_column, columns - lanes)
            block, to = at(source, i * stride + j), at(out, j * out_stride + i)
            transpose_block(block, stride, lanes, to, out_stride)
