"""A whole network on panels: forward, loss and back-propagation of the rows in a workspace.

choices, layers : the tables, see `table`.  numbers : float64, the optimizer's.
parameters, gradient : flat vectors.  workspace : flat, as the tables lay it out.
Kernels are called through their addresses, so that these functions are the same machine code
for every network.
"""

from numba import carray

from . import table
from .batches import scatter_rows
from .jit import entry, helper
from .layers import panel_width
from .pointers import at, call, pointer


@entry
def predict(choices, layers, parameters, workspace, order, X, out):
    """The output activations of each row of X, a chunk of rows at a time."""
    last = layers[-1]
    rows, n_out = out.shape
    capacity = choices[table.CAPACITY]
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, out.itemsize)
        gather_inputs(choices, layers, workspace, at(X, first * X.shape[1]), order, count, width)
        forward_panels(choices, layers, parameters, workspace, count, width, True)
        panels = (count + width - 1) // width
        outputs = at(workspace, last[table.OUTPUT] * capacity)
        scatter_rows(carray(outputs, (panels, n_out + 1, width)), out[first : first + count])


@entry
def forward(choices, layers, parameters, workspace, order, X, kept):
    """As `predict`, in one chunk; each layer's z and a go to the addresses `kept`, (layers, 2)."""
    rows, capacity = X.shape[0], choices[table.CAPACITY]
    width = panel_width(rows, workspace.itemsize)
    panels = (rows + width - 1) // width
    gather_inputs(choices, layers, workspace, at(X, 0), order, rows, width)
    forward_panels(choices, layers, parameters, workspace, rows, width, True)
    for place in range(layers.shape[0]):
        layer = layers[place]
        n = layer[table.N_OUT]
        z = carray(at(workspace, layer[table.LOGITS] * capacity), (panels, n, width))
        a = carray(at(workspace, layer[table.OUTPUT] * capacity), (panels, n + 1, width))
        scatter_rows(z, carray(pointer(kept[place, 0], workspace), (rows, n)))
        scatter_rows(a, carray(pointer(kept[place, 1], workspace), (rows, n)))


@entry
def backward(choices, layers, numbers, parameters, gradient, workspace, order, X, kept):
    """Loss and back-propagation from what `forward` kept, with the update of each layer."""
    rows, capacity = X.shape[0], choices[table.CAPACITY]
    width = panel_width(rows, workspace.itemsize)
    panels = (rows + width - 1) // width
    gather_inputs(choices, layers, workspace, at(X, 0), order, rows, width)
    gather = choices[table.GATHER_ROWS]
    for place in range(layers.shape[0]):
        layer = layers[place]
        n = layer[table.N_OUT]
        z = at(workspace, layer[table.LOGITS] * capacity)
        a = at(workspace, layer[table.OUTPUT] * capacity)
        call(gather, pointer(kept[place, 0], workspace), at(order, 0), z, rows, n, n, width)
        call(gather, pointer(kept[place, 1], workspace), at(order, 0), a, rows, n, n + 1, width)
        write_ones(a, panels, n, width)
    loss_of_panels(choices, layers, workspace, order, 0, rows, width, rows)
    back_propagate(choices, layers, numbers, parameters, gradient, workspace, rows, width, 0)


@entry
def loss(choices, layers, parameters, workspace, order, X):
    """The sum of the rows' losses."""
    rows, capacity = X.shape[0], choices[table.CAPACITY]
    total = 0.0
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, workspace.itemsize)
        gather_inputs(choices, layers, workspace, at(X, 0), at(order, first), count, width)
        forward_panels(choices, layers, parameters, workspace, count, width, False)
        total += loss_of_panels(choices, layers, workspace, order, first, count, width, rows)
    return total


@helper
def gather_inputs(choices, layers, workspace, source, order, count, width):
    """The rows `order` of the data at `source` into the first layer's input."""
    layer = layers[0]
    features = layer[table.N_IN]
    a = at(workspace, layer[table.INPUT] * choices[table.CAPACITY])
    call(choices[table.GATHER_ROWS], source, at(order, 0), a, count, features, features + 1, width)
    write_ones(a, (count + width - 1) // width, features, width)


@helper
def write_ones(a, panels, features, width):
    """The last row of each panel, by which the bias is multiplied."""
    for panel in range(panels):
        row = carray(at(a, (panel * (features + 1) + features) * width), width)
        row[:] = 1


@helper
def forward_panels(choices, layers, parameters, workspace, rows, width, with_output):
    """Every layer's z and a; the last layer's a only `with_output`: losses start from z."""
    capacity, product = choices[table.CAPACITY], choices[table.PRODUCT]
    panels = (rows + width - 1) // width
    for place in range(layers.shape[0]):
        layer = layers[place]
        n_in, n_out = layer[table.N_IN], layer[table.N_OUT]
        a = at(workspace, layer[table.INPUT] * capacity)
        z = at(workspace, layer[table.LOGITS] * capacity)
        weights = at(parameters, layer[table.WEIGHTS])
        scratch = at(workspace, choices[table.SCRATCH])
        call(product, table.AFFINE, a, weights, z, scratch, n_in, n_out, rows, 0)
        is_last = place == layers.shape[0] - 1
        if with_output or not is_last:
            out = at(workspace, layer[table.OUTPUT] * capacity)
            for panel in range(panels):
                call(
                    layer[table.ACTIVATE],
                    at(z, panel * n_out * width),
                    at(out, panel * (n_out + 1) * width),
                    n_out,
                    width,
                )
            if not is_last:
                write_ones(out, panels, n_out, width)


@helper
def loss_of_panels(choices, layers, workspace, order, first, count, width, rows):
    """Fill the last layer's delta for the rows order[first : first + count]; returns their loss.

    rows : of the whole batch, whose mean is taken.
    """
    capacity = choices[table.CAPACITY]
    layer = layers[-1]
    n_out = layer[table.N_OUT]
    z = at(workspace, layer[table.LOGITS] * capacity)
    target = at(workspace, choices[table.TARGET] * capacity)
    delta = at(workspace, choices[table.DELTA] * capacity)
    losses = at(workspace, choices[table.LOSSES] * capacity)
    source = choices[table.TARGETS]
    call(
        choices[table.GATHER_TARGETS], source, at(order, first), target, count, n_out, n_out, width
    )
    scale = workspace.dtype.type(1 / rows)
    total = 0.0
    for panel in range((count + width - 1) // width):
        place = panel * n_out * width
        call(
            choices[table.LOSS],
            at(z, place),
            at(target, place),
            scale,
            at(delta, place),
            losses,
            n_out,
            width,
        )
        for lane in range(min(width, count - panel * width)):
            total += losses[lane]
    return total


@helper
def back_propagate(
    choices, layers, numbers, parameters, gradient, workspace, rows, width, accumulate
):
    """The gradient of the rows in the workspace, from the last layer to the first."""
    capacity, product = choices[table.CAPACITY], choices[table.PRODUCT]
    delta = at(workspace, choices[table.DELTA] * capacity)
    following = at(workspace, choices[table.NEXT_DELTA] * capacity)
    scratch = at(workspace, choices[table.SCRATCH])
    for place in range(layers.shape[0] - 1, -1, -1):
        layer = layers[place]
        n_in, n_out = layer[table.N_IN], layer[table.N_OUT]
        a = at(workspace, layer[table.INPUT] * capacity)
        weights = at(parameters, layer[table.WEIGHTS])
        out = at(gradient, layer[table.WEIGHTS])
        call(product, table.WEIGHT_GRADIENT, a, delta, out, scratch, n_in, n_out, rows, accumulate)
        if choices[table.UPDATE_EACH_LAYER]:
            size = (n_in + 1) * n_out
            call(choices[table.OPTIMIZER], out, at(numbers, 0), weights, size)
        if place:
            call(
                product, table.INPUT_DELTA, delta, weights, following, scratch, n_in, n_out, rows, 0
            )
            before = layers[place - 1]
            z = at(workspace, before[table.LOGITS] * capacity)
            for panel in range((rows + width - 1) // width):
                call(
                    before[table.BACKWARD],
                    at(z, panel * n_in * width),
                    at(a, panel * (n_in + 1) * width),
                    at(following, panel * n_in * width),
                    n_in,
                    width,
                )
            delta, following = following, delta
