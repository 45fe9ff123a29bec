"""The compiled kernels on row-major arrays, with the reference's names and arguments.

For comparing the two paths kernel by kernel: arrays go into panels, the machine code runs as it
does in training, and what it wrote comes back.
"""

import numpy as np

from .. import catalog
from ..memory import aligned_zeros
from . import binding, table
from .layers import block_width, panel_width, scratch_size
from .microkernel import lanes
from .program import strides

# What the arguments of a kernel are that is called for one panel after the other: P goes into
# panels, R is the place in the batch of the panel's first row, and . is passed as it is.
_MARKS = {
    binding.activation: "PP",
    binding.activation_backward: "PPP",
    binding.loss: "PP.PPP",
    binding.dropping: ".R.PP",
    binding.noising: ".R.P",
}
# The kinds whose arguments are passed as they are, with the length of the first array behind them.
_FLAT = {
    **dict.fromkeys(catalog.OPTIMIZERS, binding.optimizer),
    "dropout_backward": binding.dropping_backward,
    "smooth_targets": binding.smoothing,
    "penalize": binding.penalizing,
    "clip_value": binding.clip,
    "average": binding.averaged,
    "shuffle": binding.ordering,
}
_IN_PANELS = {
    **dict.fromkeys(catalog.ACTIVATIONS, binding.activation),
    **{f"{name}_backward": binding.activation_backward for name in catalog.ACTIVATIONS},
    **{f"{name}_with_slope": binding.activation for name in catalog.ACTIVATIONS_WITH_SLOPE},
    "slope_backward": binding.activation_backward,
    **dict.fromkeys(catalog.LOSS_KERNELS, binding.loss),
    "dropout": binding.dropping,
    "gaussian_noise": binding.noising,
}
# Rows of each panel behind its features: the scratch of softmax, and of the values of a loss.
_SPARE = 2


def prepare(name, *arguments):
    """(run, finish) for the kernel `name` of the reference with these arguments.

    run() calls the machine code, and goes on from its own result if called again; finish() puts
    the result where the reference would.
    """
    if name in _IN_PANELS:
        return _in_panels(_IN_PANELS[name], name, arguments)
    if name in _FLAT:
        return _flat(_FLAT[name], name, arguments)
    return _OTHERS[name](name, *arguments)


def to_panels(x, spare=0):
    """(rows, features) or (rows,) to (panels, features + spare, width), filled up with 0."""
    rows = len(x)
    table_of_rows = x.reshape(rows, -1)
    features = table_of_rows.shape[1]
    width = panel_width.py_func(rows, lanes(x.itemsize), 1)
    panels = -(-rows // width)
    padded = np.zeros((panels * width, features + spare), x.dtype)
    padded[:rows, :features] = table_of_rows
    return _aligned(padded.reshape(panels, width, -1).transpose(0, 2, 1))


def _aligned(array):
    """A copy that lies in memory as the vectors of a training do."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def from_panels(panels, out):
    """The rows and features that `out` has room for."""
    rows = panels.transpose(0, 2, 1).reshape(-1, panels.shape[1])
    features = out.size // len(out)
    out[...] = rows[: len(out), :features].reshape(out.shape)


def _call(function, *arguments):
    """A call without arguments; arrays are passed as addresses and kept alive."""
    passed = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]

    def run(keep=arguments):
        function(*passed)

    return run


def _in_panels(kind, name, arguments):
    marks = _MARKS[kind]
    stacks = {
        place: to_panels(arguments[place], _SPARE)
        for place, mark in enumerate(marks)
        if mark == "P"
    }
    first = arguments[marks.index("P")]
    panels, _, width = stacks[marks.index("P")].shape
    function = binding.function(kind, name, first.dtype.name)
    calls = []
    for panel in range(panels):
        passed = list(arguments)
        for place, mark in enumerate(marks):
            if mark == "P":
                passed[place] = stacks[place][panel]
            elif mark == "R":
                passed[place] += panel * width
        calls.append(_call(function, *passed, first.shape[1], width))

    def run():
        for call in calls:
            call()

    def finish():
        for place, stack in stacks.items():
            from_panels(stack, arguments[place])

    return run, finish


def _flat(kind, name, arguments):
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    copies = [_aligned(a) if isinstance(a, np.ndarray) else a for a in arguments]
    dtype = "float64" if kind is binding.ordering else arrays[0].dtype.name
    n = arrays[0].size
    sizes = (n, n) if kind is binding.optimizer else (n,)
    run = _call(binding.function(kind, name, dtype), *copies, *sizes)

    def finish():
        for argument, copy in zip(arguments, copies, strict=True):
            if isinstance(argument, np.ndarray):
                argument[...] = copy

    return run, finish


def _product(which, left, right, out, n_in, n_out, rows, width, *more):
    function = binding.function(binding.product, "product", out.dtype.name)
    scratch = aligned_zeros(scratch_size(n_in, n_out), out.dtype)
    return _call(function, which, left, right, out, scratch, n_in, n_out, rows, width, *more)


def _with_ones(a):
    panels = to_panels(a, spare=1)
    panels[:, -1] = 1
    return panels


def _affine(name, a, weights, z):
    rows, n_in = a.shape
    which = {"affine": table.AFFINE, "affine_relu": table.AFFINE_RELU}[name]
    n_out, left, out = z.shape[1], _with_ones(a), to_panels(z, spare=which - table.AFFINE)
    run = _product(which, left, weights, out, n_in, n_out, rows, out.shape[2], 0, 0, 0)
    return run, lambda: from_panels(out, z)


def _weight_gradient(name, a, delta, accumulate, out):
    rows, n_in = a.shape
    n_out = delta.shape[1]
    left, right, result = _with_ones(a), to_panels(delta), _aligned(out)
    panels, _, width = right.shape
    block = block_width.py_func(n_out, out.itemsize)
    turned = aligned_zeros((-(-n_out // block), panels * width, block), out.dtype)
    turn = binding.function(binding.turning, "delta_by_rows", out.dtype.name)
    _call(turn, right, turned, n_out, panels, width, 0, panels * width)()
    run = _product(
        table.WEIGHT_GRADIENT,
        left,
        turned,
        result,
        n_in,
        n_out,
        rows,
        width,
        int(accumulate),
        0,
        n_in + 1,
    )
    return run, lambda: np.copyto(out, result)


def _input_delta(name, delta, weights, out):
    rows, n_out = delta.shape
    n_in, left, result = out.shape[1], to_panels(delta), to_panels(out)
    run = _product(
        table.INPUT_DELTA, left, weights, result, n_in, n_out, rows, result.shape[2], 0, 0, 0
    )
    return run, lambda: from_panels(result, out)


def _clip_norm(name, limit, gradient):
    """The two kernels that a thread calls for parts of the gradient, for the whole of it."""
    dtype, squares, result = gradient.dtype.name, np.zeros(1), gradient.copy()
    add = _call(binding.function(binding.norm, "squared_norm", dtype), result, squares, result.size)
    clip = binding.function(binding.norm_clip, name, dtype)

    def run():
        add()
        clip(limit, squares[0], result.ctypes.data, result.size)

    return run, lambda: np.copyto(gradient, result)


def _gather(name, source, order, out):
    function = binding.function(binding.gather, name, out.dtype.name, source.dtype.name)
    panels = to_panels(np.full_like(out, 7))
    rows, features = out.shape
    # Labels have one stride, and their kernel reads none.
    row, column = (*strides(source), 0)[:2]
    run = _call(
        function, source, row, column, order, panels, rows, features, features, panels.shape[2]
    )
    return run, lambda: from_panels(panels, out)


def _max_norm(name, limit, weights):
    function = binding.function(binding.constraint, name, weights.dtype.name)
    n_in, n_out = weights.shape
    result = weights.copy()
    run = _call(function, limit, result, np.zeros(n_out), n_in, n_out)
    return run, lambda: np.copyto(weights, result)


_OTHERS = {
    "affine": _affine,
    "affine_relu": _affine,
    "weight_gradient": _weight_gradient,
    "input_delta": _input_delta,
    "gather_rows": _gather,
    "gather_labels": _gather,
    "clip_norm": _clip_norm,
    "max_norm": _max_norm,
}
