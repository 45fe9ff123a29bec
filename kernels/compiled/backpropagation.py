"""The network's backward half on panels: from the delta of the last layer to the gradient.

Names are those of `network`. Rows pass back in parts, as they came; the gradient by the weights
is made in parts of its own, when all rows have passed.
"""

from . import table
from .division import divide_up
from .jit import helper
from .network import rectifies, row_of
from .pointers import at, call


@helper
def pass_back_all(choices, layers, parameters, workspace, scratch, first, rows, count, width):
    """The delta of every layer, from that of the last.

    count : rows of the chunk.
    """
    last = choices[table.LAYERS] - 1
    turn_delta(choices, layers, workspace, last, first, rows, count, width)
    for place in range(last, 0, -1):
        pass_back(choices, layers, parameters, workspace, scratch, place, first, rows, width)
        turn_delta(choices, layers, workspace, place - 1, first, rows, count, width)


@helper
def turn_delta(choices, layers, workspace, place, first, rows, count, width):
    """A layer's delta by rows, as its gradient needs it."""
    layer = row_of(layers, place)
    n_out = layer[table.N_OUT]
    delta = at(workspace, layer[table.DELTA] * choices[table.CAPACITY] + first * n_out)
    out = at(workspace, layer[table.DELTA_BY_ROWS] * choices[table.CAPACITY])
    panels, lines = divide_up(rows, width), divide_up(count, width) * width
    call(choices[table.TURN], delta, out, n_out, panels, width, first, lines)


@helper
def pass_back(choices, layers, parameters, workspace, scratch, place, first, rows, width):
    """The delta of the layer before `place`: through the weights, the dropout, the activation."""
    capacity, product = choices[table.CAPACITY], choices[table.PRODUCT]
    layer, before = row_of(layers, place), row_of(layers, place - 1)
    n_in, n_out = layer[table.N_IN], layer[table.N_OUT]
    panels = divide_up(rows, width)
    delta = at(workspace, layer[table.DELTA] * capacity + first * n_out)
    weights = at(parameters, layer[table.WEIGHTS])
    out = at(workspace, before[table.DELTA] * capacity + first * n_in)
    which = table.INPUT_DELTA
    call(product, which, delta, weights, out, scratch, n_in, n_out, rows, width, 0, 0, 0)
    if choices[table.DROPOUT_BACKWARD] and layer[table.MASK]:
        mask = at(workspace, layer[table.MASK] * capacity + first * n_in)
        call(choices[table.DROPOUT_BACKWARD], mask, out, panels * n_in * width)
    a = at(workspace, layer[table.INPUT] * capacity + first * (n_in + 1))
    # Above 0 where the logits would be.
    z, features = a, n_in + 1
    if not rectifies(choices, before):
        z, features = at(workspace, before[table.LOGITS] * capacity + first * n_in), n_in
    for panel in range(panels):
        call(
            before[table.BACKWARD + choices[table.WITH_SLOPES]],
            at(z, panel * features * width),
            at(a, panel * (n_in + 1) * width),
            at(out, panel * n_in * width),
            n_in,
            width,
        )


@helper
def layer_gradient(choices, layer, gradient, workspace, count, width, accumulate, top, bottom):
    """The gradient by the rows of a layer's weights from `top` to `bottom`.

    accumulate : add to what is there when not 0.
    """
    capacity = choices[table.CAPACITY]
    delta = at(workspace, layer[table.DELTA_BY_ROWS] * capacity)
    call(
        choices[table.PRODUCT],
        table.WEIGHT_GRADIENT,
        at(workspace, layer[table.INPUT] * capacity),
        delta,
        at(gradient, layer[table.WEIGHTS]),
        delta,
        layer[table.N_IN],
        layer[table.N_OUT],
        count,
        width,
        accumulate,
        top,
        bottom,
    )
