"""From the name of a kernel to the address of its machine code.

A kernel's C function takes addresses and sizes and returns nothing; here the addresses become
arrays again, so that the kernels themselves are written on arrays. Each is compiled, or loaded
from the cache folder, when it is first asked for.
"""

import functools

from numba import carray, types

from . import activations, batches, layers, losses, optimizers, shuffling, table
from .jit import c_kernel

_SIZE = types.intp
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
    def entry(z, a, delta, features, width):
        n = features * width
        kernel(carray(z, n), carray(a, n), carray(delta, n))

    return entry, (reals, reals, reals, _SIZE, _SIZE)


def loss(kernel, reals, real):
    def entry(z, target, scale, delta, values, outputs, width):
        panel = (outputs, width)
        kernel(
            carray(z, panel),
            carray(target, panel),
            scale,
            carray(delta, panel),
            carray(values, (3, width)),
        )

    return entry, (reals, reals, real, reals, reals, _SIZE, _SIZE)


def optimizer(kernel, reals, real):
    def entry(gradient, numbers, parameters, n):
        # A kernel reads its numbers by their places; how many there are does not matter here.
        kernel(carray(gradient, n), carray(numbers, 1), carray(parameters, n))

    return entry, (reals, _DOUBLES, reals, _SIZE)


def gather(kernel, reals, real):
    if kernel is batches.gather_labels:
        source_type = _INTEGERS

        def entry(source, order, out, rows, features, panel_rows, width):
            panels = (rows + width - 1) // width
            kernel(source, carray(order, rows), carray(out, (panels, panel_rows, width)))
    else:
        source_type = reals

        def entry(source, order, out, rows, features, panel_rows, width):
            panels = (rows + width - 1) // width
            # How long the source is does not matter here: its rows are picked by index.
            data = carray(source, (rows, features))
            kernel(data, carray(order, rows), carray(out, (panels, panel_rows, width)))

    return entry, (source_type, _INTEGERS, reals, _SIZE, _SIZE, _SIZE, _SIZE)


def product(kernel, reals, real):
    """The three products in one function, so that their common loops are compiled once."""
    itemsize = real.bitwidth // 8

    def entry(which, left, right, out, scratch, n_in, n_out, rows, accumulate):
        width = layers.panel_width(rows, itemsize)
        panels = (rows + width - 1) // width
        matrix, above, below = (n_in + 1, n_out), (panels, n_in + 1, width), (panels, n_out, width)
        if which == table.AFFINE:
            layers.affine(carray(left, above), carray(right, matrix), rows, carray(out, below))
        elif which == table.WEIGHT_GRADIENT:
            layers.weight_gradient(
                carray(left, above),
                carray(right, below),
                accumulate,
                rows,
                scratch,
                carray(out, matrix),
            )
        else:
            layers.input_delta(
                carray(left, below), carray(right, matrix), rows, carray(out, (panels, n_in, width))
            )

    return entry, (_SIZE, reals, reals, reals, reals, _SIZE, _SIZE, _SIZE, _SIZE)


def ordering(kernel, reals, real):
    def entry(key, epoch, order, n):
        kernel(key, epoch, carray(order, n))

    return entry, (_SIZE, _SIZE, _INTEGERS, _SIZE)


KINDS = {
    activation: activations,
    activation_backward: activations,
    loss: losses,
    optimizer: optimizers,
    gather: batches,
    product: layers,
    ordering: shuffling,
}


@functools.cache
def kernel(kind, name, dtype):
    """The compiled C function of the kernel `name`; `kind` is a function of this file."""
    real = types.float64 if dtype == "float64" else types.float32
    function = getattr(KINDS[kind], name, None)
    entry, argument_types = kind(function, types.CPointer(real), real)
    return c_kernel(entry, argument_types, f"{kind.__name__}-{name}-{dtype}")


def address(kind, name, dtype):
    """Where the machine code of a kernel stands."""
    return kernel(kind, name, dtype).address
