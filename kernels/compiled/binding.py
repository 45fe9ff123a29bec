"""From the name of a kernel to the address of its machine code.

A kernel's C function takes addresses and sizes and returns nothing; here the addresses become
arrays again, so that the kernels themselves are written on arrays. Each is compiled, or loaded
from the cache folder, when it is first asked for.
"""

import ctypes
import functools

import numpy as np
from numba import carray, from_dtype, types

from . import (
    activations,
    averaging,
    batches,
    clipping,
    constraints,
    custom,
    dropout,
    lane_sums,
    layers,
    losses,
    noise,
    optimizers,
    penalties,
    shuffling,
    table,
)
from .division import divide_up
from .jit import c_kernel
from .microkernel import lanes
from .pointers import at

_SIZE = types.intp
_REAL = types.float64
_INTEGERS = types.CPointer(types.int64)
_DOUBLES = types.CPointer(types.float64)

# The kinds of kernels. Each function makes the C function of one kernel and its argument types,
# for a dtype `real` and pointers `reals` to it.


def activation(kernel, reals, real):
    if kernel is activations.softmax:

        def entry(z, out, features, width):
            kernel(carray(z, (features, width)), carray(out, (features + 1, width)))
    else:

        def entry(z, out, features, width):
            kernel(carray(z, features * width), carray(out, features * width))

    return entry, (reals, reals, _SIZE, _SIZE)


def activation_backward(kernel, reals, real):
    if kernel is activations.softmax_backward:

        def entry(z, a, delta, features, width):
            panel = (features, width)
            with_scratch = carray(a, (features + 1, width))
            kernel(carray(z, panel), with_scratch, carray(delta, panel))
    else:

        def entry(z, a, delta, features, width):
            n = features * width
            kernel(carray(z, n), carray(a, n), carray(delta, n))

    return entry, (reals, reals, reals, _SIZE, _SIZE)


def loss(kernel, reals, real):
    def entry(start, target, numbers, scale, delta, values, outputs, width):
        panel = (outputs, width)
        kernel(
            carray(start, panel),
            carray(target, panel),
            numbers,
            carray(scale, width),
            carray(delta, panel),
            carray(values, (3, width)),
        )

    return entry, (reals, reals, _DOUBLES, reals, reals, reals, _SIZE, _SIZE)


def optimizer(kernel, reals, real):
    def entry(gradient, numbers, step, state, parameters, n, slot):
        # A kernel reads its numbers and its state by their places; how many there are does not
        # matter here. The vectors of the state are `slot` numbers apart.
        slots = (
            carray(state, n),
            carray(at(state, slot), n),
            carray(at(state, 2 * slot), n),
            carray(at(state, 3 * slot), n),
        )
        kernel(carray(gradient, n), carray(numbers, 1), step, slots, carray(parameters, n))

    return entry, (reals, _DOUBLES, _SIZE, reals, reals, _SIZE, _SIZE)


def gather(kernel, reals, real, source):
    # Panels by a plain division: with `divide_up` a step of digits takes 2 % more.
    if kernel is batches.gather_labels:

        def entry(source, row, column, order, out, rows, features, panel_rows, width):
            panels = (rows + width - 1) // width
            kernel(source, carray(order, rows), carray(out, (panels, panel_rows, width)))
    else:
        kernel = batches.gather_like_rows if source == real.name else kernel

        def entry(source, row, column, order, out, rows, features, panel_rows, width):
            panels = (rows + width - 1) // width
            chosen, to = carray(order, rows), carray(out, (panels, panel_rows, width))
            kernel(source, row, column, chosen, features, to)

    pointer = types.CPointer(from_dtype(np.dtype(source)))
    return entry, (pointer, _SIZE, _SIZE, _INTEGERS, reals, *4 * (_SIZE,))


def scatter(kernel, reals, real):
    def entry(source, out, rows, features, panel_rows, width):
        panels = divide_up(rows, width)
        kernel(carray(source, (panels, panel_rows, width)), carray(out, (rows, features)))

    return entry, (reals, reals, *4 * (_SIZE,))


def smoothing(kernel, reals, real):
    def entry(kept, added, target, n):
        kernel(kept, added, carray(target, n))

    return entry, (_REAL, _REAL, reals, _SIZE)


def product(kernel, reals, real):
    """The products of a layer in one function, so that their common loops are compiled once."""
    itemsize = np.int64(real.bitwidth // 8)

    def entry(which, left, right, out, scratch, n_in, n_out, rows, width, accumulate, first, last):
        panels = divide_up(rows, width)
        matrix, above, below = (n_in + 1, n_out), (panels, n_in + 1, width), (panels, n_out, width)
        if which == table.AFFINE:
            layers.affine(
                carray(left, above), carray(right, matrix), rows, scratch, carray(out, below)
            )
        elif which == table.AFFINE_RELU:
            layers.affine_relu(
                carray(left, above),
                carray(right, matrix),
                rows,
                scratch,
                carray(out, (panels, n_out + 1, width)),
            )
        elif which == table.INPUT_DELTA:
            layers.input_delta(
                carray(left, below),
                carray(right, matrix),
                rows,
                scratch,
                carray(out, (panels, n_in, width)),
            )
        else:
            block = layers.block_width(n_out, itemsize)
            blocks = divide_up(n_out, block)
            layers.weight_gradient(
                carray(left, above),
                carray(right, (blocks, panels * width, block)),
                accumulate,
                rows,
                first,
                last,
                carray(out, matrix),
            )

    return entry, (_SIZE, reals, reals, reals, reals, *7 * (_SIZE,))


def by_lanes(kernel, reals, real):
    vector = lanes(real.bitwidth // 8)

    def entry(a, delta, sums, n_in, n_out, rows, width, accumulate):
        panels = divide_up(rows, width)
        inputs, outputs = (
            carray(a, (panels, n_in + 1, width)),
            carray(delta, (panels, n_out, width)),
        )
        kernel(inputs, outputs, accumulate, rows, carray(sums, (n_in + 1, n_out, vector)))

    return entry, (reals, reals, reals, *5 * (_SIZE,))


def of_lanes(kernel, reals, real):
    def entry(sums, out, n):
        kernel(sums, carray(out, n))

    return entry, (reals, reals, _SIZE)


def turning(kernel, reals, real):
    itemsize = np.int64(real.bitwidth // 8)

    def entry(delta, out, n_out, panels, width, first, lines):
        block = layers.block_width(n_out, itemsize)
        blocks = divide_up(n_out, block)
        kernel(carray(delta, (panels, n_out, width)), first, carray(out, (blocks, lines, block)))

    return entry, (reals, reals, *5 * (_SIZE,))


def ordering(kernel, reals, real):
    def entry(key, epoch, order, n):
        kernel(key, epoch, carray(order, n))

    return entry, (_SIZE, _SIZE, _INTEGERS, _SIZE)


def dropping(kernel, reals, real):
    def entry(key, first_row, rate, mask, a, features, width):
        panel = (features, width)
        kernel(key, first_row, rate, carray(mask, panel), carray(a, panel))

    return entry, (_SIZE, _SIZE, _REAL, reals, reals, _SIZE, _SIZE)


def dropping_backward(kernel, reals, real):
    def entry(mask, delta, n):
        kernel(carray(mask, n), carray(delta, n))

    return entry, (reals, reals, _SIZE)


def noising(kernel, reals, real):
    def entry(key, first_row, deviation, a, features, width):
        kernel(key, first_row, deviation, carray(a, (features, width)))

    return entry, (_SIZE, _SIZE, _REAL, reals, _SIZE, _SIZE)


def penalizing(kernel, reals, real):
    def entry(l1, l2, weights, gradient, value, n):
        kernel(l1, l2, carray(weights, n), carray(gradient, n), value)

    return entry, (_REAL, _REAL, reals, reals, _DOUBLES, _SIZE)


def norm(kernel, reals, real):
    def entry(gradient, value, n):
        kernel(carray(gradient, n), value)

    return entry, (reals, _DOUBLES, _SIZE)


def norm_clip(kernel, reals, real):
    def entry(limit, squared_norm, gradient, n):
        kernel(limit, squared_norm, carray(gradient, n))

    return entry, (_REAL, _REAL, reals, _SIZE)


def clip(kernel, reals, real):
    def entry(limit, gradient, n):
        kernel(limit, carray(gradient, n))

    return entry, (_REAL, reals, _SIZE)


def constraint(kernel, reals, real):
    def entry(limit, weights, scratch, n_in, n_out):
        kernel(limit, carray(weights, (n_in, n_out)), scratch)

    return entry, (_REAL, reals, _DOUBLES, _SIZE, _SIZE)


def averaged(kernel, reals, real):
    def entry(decay, step, parameters, averaged, n):
        kernel(decay, step, carray(parameters, n), carray(averaged, n))

    return entry, (_REAL, _SIZE, reals, reals, _SIZE)


KINDS = {
    activation: activations,
    activation_backward: activations,
    loss: losses,
    optimizer: optimizers,
    gather: batches,
    scatter: batches,
    smoothing: batches,
    product: layers,
    turning: layers,
    by_lanes: lane_sums,
    of_lanes: lane_sums,
    ordering: shuffling,
    dropping: dropout,
    dropping_backward: dropout,
    noising: noise,
    penalizing: penalties,
    norm: clipping,
    clip: clipping,
    norm_clip: clipping,
    constraint: constraints,
    averaged: averaging,
}


@functools.cache
def kernel(kind, chosen, dtype, *more):
    """The compiled C function of a kernel.

    kind : a function of this file.  chosen : the kernel's name, or the user's own activation or
    loss, which is compiled anew in each process.  more : what else the kind asks for, as text.
    """
    real = types.float64 if dtype == "float64" else types.float32
    if isinstance(chosen, str):
        function = getattr(KINDS[kind], chosen, None)
        name = "-".join((kind.__name__, chosen, dtype, *more))
    else:
        function, name = getattr(custom, kind.__name__)(chosen), None
    entry, argument_types = kind(function, types.CPointer(real), real, *more)
    return c_kernel(entry, argument_types, name)


def address(kind, chosen, dtype, *more):
    """Where the machine code of a kernel stands."""
    return kernel(kind, chosen, dtype, *more).address


def function(kind, chosen, dtype, *more):
    """A kernel for calls from Python: addresses are passed as integers."""
    compiled = kernel(kind, chosen, dtype, *more)
    passed = [_ctype(argument) for argument in compiled._sig.args]
    return ctypes.CFUNCTYPE(None, *passed)(compiled.address)


def _ctype(argument):
    if isinstance(argument, types.CPointer):
        return ctypes.c_void_p
    return ctypes.c_double if argument == _REAL else ctypes.c_ssize_t
