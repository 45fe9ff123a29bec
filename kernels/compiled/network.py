"""A whole network on panels: forward, loss and back-propagation of the rows in a workspace.

choices, layers : the tables, see `table`.  numbers : float64, the optimizer's.
parameters, gradient : flat vectors.  workspace : flat, as the tables lay it out.
order : int64, the rows of the data that are meant, here and in helpers a pointer into it.
Kernels are called, and the data found, through addresses, so that these functions are the same
machine code for every network and every kind of data.
"""

from numba import carray

from . import table
from .batches import scatter_rows
from .jit import entry, helper
from .layers import panel_width
from .pointers import at, call, pointer


@entry
def predict(choices, layers, parameters, workspace, order, out):
    """The output activations of each row, a chunk of rows at a time."""
    rows, n_out = out.shape
    capacity = choices[table.CAPACITY]
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, out.itemsize)
        gather_inputs(choices, layers, workspace, at(order, first), count, width)
        forward_panels(choices, layers, parameters, workspace, count, width, True)
        panels = (count + width - 1) // width
        outputs = at(workspace, layers[-1, table.OUTPUT] * capacity)
        scatter_rows(carray(outputs, (panels, n_out + 1, width)), out[first : first + count])


@entry
def forward(choices, layers, parameters, workspace, order, kept):
    """As `predict`; each layer's z and a go to the addresses `kept`, (layers, 2)."""
    rows, capacity = choices[table.ROWS], choices[table.CAPACITY]
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, workspace.itemsize)
        panels = (count + width - 1) // width
        gather_inputs(choices, layers, workspace, at(order, first), count, width)
        forward_panels(choices, layers, parameters, workspace, count, width, True)
        for place in range(layers.shape[0]):
            n = layers[place, table.N_OUT]
            z = carray(at(workspace, layers[place, table.LOGITS] * capacity), (panels, n, width))
            a = at(workspace, layers[place, table.OUTPUT] * capacity)
            to_z = at(pointer(kept[place, 0], workspace), first * n)
            to_a = at(pointer(kept[place, 1], workspace), first * n)
            scatter_rows(z, carray(to_z, (count, n)))
            scatter_rows(carray(a, (panels, n + 1, width)), carray(to_a, (count, n)))


@entry
def backward(choices, layers, numbers, parameters, gradient, workspace, order, kept):
    """Back-propagation from what `forward` kept, with the update of each layer."""
    rows, capacity = choices[table.ROWS], choices[table.CAPACITY]
    width = panel_width(rows, workspace.itemsize)
    panels = (rows + width - 1) // width
    chosen = at(order, 0)
    gather_inputs(choices, layers, workspace, chosen, rows, width)
    gather_targets(choices, layers, workspace, chosen, rows, width)
    gather = choices[table.GATHER_ROWS]
    last = layers.shape[0] - 1
    for place in range(last):
        n = layers[place, table.N_OUT]
        z = at(workspace, layers[place, table.LOGITS] * capacity)
        a = at(workspace, layers[place, table.OUTPUT] * capacity)
        call(gather, pointer(kept[place, 0], workspace), chosen, z, rows, n, n, width)
        call(gather, pointer(kept[place, 1], workspace), chosen, a, rows, n, n + 1, width)
        write_ones(a, panels, n, width)
    n_out = layers[last, table.N_OUT]
    size = panels * n_out * width
    delta = at(workspace, choices[table.DELTA] * capacity)
    call(gather, pointer(kept[last, 1], workspace), chosen, delta, rows, n_out, n_out, width)
    output_minus_target(
        carray(delta, size),
        carray(at(workspace, choices[table.TARGET] * capacity), size),
        workspace.dtype.type(1 / rows),
    )
    back_propagate(choices, layers, numbers, parameters, gradient, workspace, rows, width, 0)


@helper
def output_minus_target(delta, target, scale):
    """The gradient by the logits where output and loss match; `delta` comes with the output."""
    for i in range(delta.size):
        delta[i] = (delta[i] - target[i]) * scale


@entry
def loss(choices, layers, parameters, workspace, order):
    """The sum of the rows' losses."""
    rows, capacity = choices[table.ROWS], choices[table.CAPACITY]
    total = 0.0
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, workspace.itemsize)
        chosen = at(order, first)
        gather_inputs(choices, layers, workspace, chosen, count, width)
        gather_targets(choices, layers, workspace, chosen, count, width)
        forward_panels(choices, layers, parameters, workspace, count, width, False)
        total += loss_of_panels(choices, layers, workspace, count, width, rows)
    return total


@helper
def gather_inputs(choices, layers, workspace, order, count, width):
    """The rows `order` of the data into the first layer's input."""
    features = layers[0, table.N_IN]
    a = at(workspace, layers[0, table.INPUT] * choices[table.CAPACITY])
    source, gather = choices[table.INPUTS], choices[table.GATHER_ROWS]
    call(gather, source, order, a, count, features, features + 1, width)
    write_ones(a, (count + width - 1) // width, features, width)


@helper
def gather_targets(choices, layers, workspace, order, count, width):
    """The targets of the rows `order`."""
    n_out = layers[-1, table.N_OUT]
    target = at(workspace, choices[table.TARGET] * choices[table.CAPACITY])
    source = choices[table.TARGETS]
    gather = choices[table.GATHER_TARGETS]
    call(gather, source, order, target, count, n_out, n_out, width)


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
        n_in, n_out = layers[place, table.N_IN], layers[place, table.N_OUT]
        a = at(workspace, layers[place, table.INPUT] * capacity)
        z = at(workspace, layers[place, table.LOGITS] * capacity)
        weights = at(parameters, layers[place, table.WEIGHTS])
        scratch = at(workspace, choices[table.SCRATCH])
        call(product, table.AFFINE, a, weights, z, scratch, n_in, n_out, rows, 0)
        is_last = place == layers.shape[0] - 1
        if with_output or not is_last:
            out = at(workspace, layers[place, table.OUTPUT] * capacity)
            for panel in range(panels):
                call(
                    layers[place, table.ACTIVATE],
                    at(z, panel * n_out * width),
                    at(out, panel * (n_out + 1) * width),
                    n_out,
                    width,
                )
            if not is_last:
                write_ones(out, panels, n_out, width)


@helper
def loss_of_panels(choices, layers, workspace, count, width, rows):
    """Fill the last layer's delta for the `count` rows in the workspace; returns their loss.

    rows : of the whole batch, whose mean is taken.
    """
    capacity = choices[table.CAPACITY]
    n_out = layers[-1, table.N_OUT]
    z = at(workspace, layers[-1, table.LOGITS] * capacity)
    target = at(workspace, choices[table.TARGET] * capacity)
    delta = at(workspace, choices[table.DELTA] * capacity)
    losses = at(workspace, choices[table.LOSSES])
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
        n_in, n_out = layers[place, table.N_IN], layers[place, table.N_OUT]
        a = at(workspace, layers[place, table.INPUT] * capacity)
        weights = at(parameters, layers[place, table.WEIGHTS])
        out = at(gradient, layers[place, table.WEIGHTS])
        call(product, table.WEIGHT_GRADIENT, a, delta, out, scratch, n_in, n_out, rows, accumulate)
        if choices[table.UPDATE_EACH_LAYER]:
            size = (n_in + 1) * n_out
            call(choices[table.OPTIMIZER], out, at(numbers, 0), weights, size)
        if place:
            call(
                product, table.INPUT_DELTA, delta, weights, following, scratch, n_in, n_out, rows, 0
            )
            z = at(workspace, layers[place - 1, table.LOGITS] * capacity)
            for panel in range((rows + width - 1) // width):
                call(
                    layers[place - 1, table.BACKWARD],
                    at(z, panel * n_in * width),
                    at(a, panel * (n_in + 1) * width),
                    at(following, panel * n_in * width),
                    n_in,
                    width,
                )
            delta, following = following, delta
