"""The compiled kernels on row-major arrays, with the reference's names and arguments.

For comparing the two paths kernel by kernel: arrays go into panels, the machine code runs as it
does in training, and what it wrote comes back.
"""

import ctypes

import numpy as np
from numba import types

from . import binding, table
from .layers import panel_width
from .microkernel import TILE_VECTORS


def prepare(name, *arguments):
    """(run, finish) for the kernel `name` of the reference with these arguments.

    run() calls the machine code, after restoring what the kernel changes in place, as often as
    wanted; finish() puts the result of the last run where the reference would.
    """
    return _PREPARE.get(name, _activation)(name, *arguments)


def _function(kind, name, dtype):
    compiled = binding.kernel(kind, name, np.dtype(dtype).name)
    numbers = {types.float64: ctypes.c_double, types.float32: ctypes.c_float}
    kinds = [
        ctypes.c_void_p if isinstance(kind, types.CPointer) else numbers.get(kind, ctypes.c_ssize_t)
        for kind in compiled._sig.args
    ]
    return ctypes.CFUNCTYPE(None, *kinds)(compiled.address)


def _call(function, *arguments):
    """A call without arguments; arrays are passed as addresses and kept alive."""
    passed = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]

    def run(keep=arguments):
        function(*passed)

    return run


def to_panels(x, extra_rows=0):
    """(rows, features) to (panels, features + extra_rows, width), filled up with 0."""
    rows, features = x.shape
    width = panel_width.py_func(rows, x.itemsize)
    panels = -(-rows // width)
    padded = np.zeros((panels * width, features + extra_rows), x.dtype)
    padded[:rows, :features] = x
    return padded.reshape(panels, width, -1).transpose(0, 2, 1).copy()


def from_panels(panels, out):
    """The rows and features that `out` has room for."""
    rows, features = out.shape
    out[...] = panels.transpose(0, 2, 1).reshape(-1, panels.shape[1])[:rows, :features]


def _activation(name, z, *others):
    kind = binding.activation_backward if name.endswith("_backward") else binding.activation
    function = _function(kind, name, z.dtype)
    out = others[-1]
    panels = [to_panels(z)] + [to_panels(other, extra_rows=1) for other in others]
    in_place = kind is binding.activation_backward
    if in_place:
        panels[-1] = to_panels(out)
    start = panels[-1].copy()
    features, width = panels[0].shape[1:]
    calls = [
        _call(function, *(stack[panel] for stack in panels), features, width)
        for panel in range(len(panels[0]))
    ]

    def run():
        if in_place:
            panels[-1][...] = start
        for call in calls:
            call()

    return run, lambda: from_panels(panels[-1], out)


def _loss(name, z, target, scale, delta, losses):
    function = _function(binding.loss, name, z.dtype)
    logits, targets = to_panels(z), to_panels(target)
    deltas = np.zeros_like(logits)
    outputs, width = logits.shape[1:]
    values = np.zeros((len(logits), 3, width), z.dtype)
    calls = [
        _call(function, logits[p], targets[p], float(scale), deltas[p], values[p], outputs, width)
        for p in range(len(logits))
    ]

    def run():
        for call in calls:
            call()

    def finish():
        from_panels(deltas, delta)
        losses[...] = values[:, 0].reshape(-1)[: len(losses)]

    return run, finish


def _product(which, left, right, out, n_in, n_out, rows, accumulate):
    function = _function(binding.product, "product", out.dtype)
    panel = TILE_VECTORS * panel_width.py_func(1, out.itemsize)
    scratch = np.zeros(-(-n_out // panel) * panel * panel, out.dtype)
    return _call(function, which, left, right, out, scratch, n_in, n_out, rows, accumulate)


def _with_ones(a):
    panels = to_panels(a, extra_rows=1)
    panels[:, -1] = 1
    return panels


def _affine(name, a, weights, z):
    rows, n_in = a.shape
    n_out = z.shape[1]
    out = to_panels(z)
    run = _product(table.AFFINE, _with_ones(a), weights, out, n_in, n_out, rows, 0)
    return run, lambda: from_panels(out, z)


def _weight_gradient(name, a, delta, accumulate, out):
    rows, n_in = a.shape
    n_out = delta.shape[1]
    start, result = out.copy(), out.copy()
    product = _product(
        table.WEIGHT_GRADIENT,
        _with_ones(a),
        to_panels(delta),
        result,
        n_in,
        n_out,
        rows,
        int(accumulate),
    )

    def run():
        result[...] = start
        product()

    return run, lambda: np.copyto(out, result)


def _input_delta(name, delta, weights, out):
    rows, n_out = delta.shape
    n_in = out.shape[1]
    result = to_panels(out)
    run = _product(table.INPUT_DELTA, to_panels(delta), weights, result, n_in, n_out, rows, 0)
    return run, lambda: from_panels(result, out)


def _sgd(name, gradient, numbers, parameters):
    function = _function(binding.optimizer, name, parameters.dtype)
    start, result = parameters.copy(), parameters.copy()
    call = _call(function, gradient, numbers, result, len(result))

    def run():
        result[...] = start
        call()

    return run, lambda: np.copyto(parameters, result)


def _gather(name, source, order, out):
    function = _function(binding.gather, name, out.dtype)
    panels = to_panels(np.full_like(out, 7))
    rows, features = out.shape
    width = panels.shape[2]
    run = _call(function, source, order, panels, rows, features, features, width)
    return run, lambda: from_panels(panels, out)


def _shuffle(name, key, epoch, order):
    function = _function(binding.ordering, name, np.float64)
    result = np.empty_like(order)
    run = _call(function, key, epoch, result, len(order))
    return run, lambda: np.copyto(order, result)


_PREPARE = {
    "affine": _affine,
    "weight_gradient": _weight_gradient,
    "input_delta": _input_delta,
    "binary_cross_entropy": _loss,
    "offset_binary_cross_entropy": _loss,
    "cross_entropy": _loss,
    "sgd": _sgd,
    "gather_rows": _gather,
    "gather_labels": _gather,
    "shuffle": _shuffle,
}
