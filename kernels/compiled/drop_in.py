"""One update as the drop-in's `backward` makes it, from what `forward` returned."""

from . import table, team
from .backpropagation import pass_back, turn_delta
from .division import divide_up
from .jit import ONE, YES, ZERO, entry, helper
from .layers import panel_width
from .network import gather_inputs, gather_targets, numbers, row_of, write_ones
from .pointers import at, call, read, write
from .updating import work_on_weights


@entry
def backward(choices, layers, order, kept, member):
    """Back-propagation with the update of each layer before delta passes through.

    kept : addresses of each layer's z and a, (layers, 2).
    """
    rows, capacity, itemsize = order.size, choices[table.CAPACITY], choices[table.ITEMSIZE]
    choices, layers, member, chosen = at(choices, 0), at(layers, 0), at(member, 0), at(order, 0)
    parameters, gradient = numbers(choices, table.PARAMETERS), numbers(choices, table.GRADIENT)
    workspace = numbers(choices, table.WORKSPACE)
    width = panel_width(rows, choices[table.LANES], ONE)
    panels = divide_up(rows, width)
    gather_inputs(choices, layers, workspace, chosen, ZERO, ZERO, rows, width)
    gather_targets(choices, layers, workspace, chosen, ZERO, rows, width)
    last = choices[table.LAYERS] - 1
    for place in range(last):
        layer = row_of(layers, place)
        n = layer[table.N_OUT]
        z = at(workspace, layer[table.LOGITS] * capacity)
        a = at(workspace, layer[table.OUTPUT] * capacity)
        gather_kept(choices, (kept[place, 0], itemsize), chosen, rows, n, n, width, z)
        gather_kept(choices, (kept[place, 1], itemsize), chosen, rows, n, n + 1, width, a)
        write_ones(a, panels, n, width)
    layer = row_of(layers, last)
    n = layer[table.N_OUT]
    delta = at(workspace, layer[table.DELTA] * capacity)
    gather_kept(choices, (kept[last, 1], itemsize), chosen, rows, n, n, width, delta)
    output_minus_target(
        delta, at(workspace, choices[table.TARGET] * capacity), panels * n * width, 1 / rows
    )
    scratch = at(workspace, member[team.SCRATCH])
    for place in range(last, -1, -1):
        if place < last:
            pass_back(choices, layers, parameters, workspace, scratch, place + 1, ZERO, rows, width)
        turn_delta(choices, layers, workspace, place, ZERO, rows, rows, width)
        work_on_weights(
            choices,
            layers,
            parameters,
            gradient,
            workspace,
            place,
            rows,
            width,
            ZERO,
            YES,
            ONE,
            member,
        )


@helper
def gather_kept(choices, source, order, rows, features, panel_rows, width, out):
    """What `forward` kept of a layer, into panels."""
    gather = choices[table.GATHER_KEPT]
    call(gather, source, features, 1, order, out, rows, features, panel_rows, width)


@helper
def output_minus_target(delta, target, n, scale):
    """The gradient by the logits where output and loss match; `delta` comes with the output."""
    for i in range(n):
        write(delta, i, (read(delta, i) - read(target, i)) * scale)
