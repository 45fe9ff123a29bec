"""A whole network on panels: forward, loss and back-propagation of the rows in a workspace.

choices, layers : the tables, see `table`.
parameters, gradient : flat vectors.  workspace : flat, as the tables lay it out.
order : int64, the rows of the data that are meant, here and in helpers a pointer into it.
Kernels are called, and the data found, through addresses, so that these functions are the same
machine code for every network, every kind of data and every way of training.
"""

from numba import carray

from . import table
from .batches import scatter_rows
from .jit import entry, helper
from .layers import panel_width
from .pointers import at, call, doubles, pointer
from .shuffling import random_bits


@entry
def predict(choices, layers, parameters, workspace, order, out):
    """The output activations of each row, a chunk of rows at a time."""
    rows, n_out = out.shape
    capacity = choices[table.CAPACITY]
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, out.itemsize)
        gather_inputs(choices, layers, workspace, at(order, first), 0, count, width)
        forward_panels(choices, layers, parameters, workspace, 0, count, width, True)
        panels = (count + width - 1) // width
        outputs = at(workspace, layers[-1, table.OUTPUT] * capacity)
        scatter_rows(carray(outputs, (panels, n_out + 1, width)), out[first : first + count])


@entry
def forward(choices, layers, parameters, workspace, order, kept):
    """As `predict`; each layer's z and a go to the addresses `kept`, (layers, 2)."""
    rows, capacity = order.size, choices[table.CAPACITY]
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, workspace.itemsize)
        panels = (count + width - 1) // width
        gather_inputs(choices, layers, workspace, at(order, first), 0, count, width)
        forward_panels(choices, layers, parameters, workspace, 0, count, width, True)
        for place in range(layers.shape[0]):
            n = layers[place, table.N_OUT]
            z = carray(at(workspace, layers[place, table.LOGITS] * capacity), (panels, n, width))
            a = at(workspace, layers[place, table.OUTPUT] * capacity)
            to_z = at(pointer(kept[place, 0], workspace), first * n)
            to_a = at(pointer(kept[place, 1], workspace), first * n)
            scatter_rows(z, carray(to_z, (count, n)))
            scatter_rows(carray(a, (panels, n + 1, width)), carray(to_a, (count, n)))


@entry
def backward(choices, layers, parameters, gradient, workspace, order, kept):
    """Back-propagation from what `forward` kept, with the update of each layer."""
    rows, capacity = order.size, choices[table.CAPACITY]
    width = panel_width(rows, workspace.itemsize)
    panels = (rows + width - 1) // width
    chosen = at(order, 0)
    gather_inputs(choices, layers, workspace, chosen, 0, rows, width)
    gather_targets(choices, layers, workspace, chosen, rows, width)
    last = layers.shape[0] - 1
    for place in range(last):
        n = layers[place, table.N_OUT]
        z = at(workspace, layers[place, table.LOGITS] * capacity)
        a = at(workspace, layers[place, table.OUTPUT] * capacity)
        gather_kept(choices, pointer(kept[place, 0], workspace), chosen, rows, n, n, width, z)
        gather_kept(choices, pointer(kept[place, 1], workspace), chosen, rows, n, n + 1, width, a)
        write_ones(a, panels, n, width)
    n = layers[last, table.N_OUT]
    delta = at(workspace, choices[table.DELTA] * capacity)
    gather_kept(choices, pointer(kept[last, 1], workspace), chosen, rows, n, n, width, delta)
    output_minus_target(
        carray(delta, panels * n * width),
        carray(at(workspace, choices[table.TARGET] * capacity), panels * n * width),
        workspace.dtype.type(1 / rows),
    )
    back_propagate(choices, layers, parameters, gradient, workspace, rows, width, 0, 1)


@helper
def gather_kept(choices, source, order, rows, features, panel_rows, width, out):
    """What `forward` kept of a layer, into panels."""
    gather = choices[table.GATHER_KEPT]
    call(gather, source, features, 1, order, out, rows, features, panel_rows, width)


@helper
def output_minus_target(delta, target, scale):
    """The gradient by the logits where output and loss match; `delta` comes with the output."""
    for i in range(delta.size):
        delta[i] = (delta[i] - target[i]) * scale


@entry
def loss(choices, layers, parameters, workspace, order):
    """The sum of the rows' losses, each times its weight."""
    rows, capacity = order.size, choices[table.CAPACITY]
    total = 0.0
    for first in range(0, rows, capacity):
        count = min(capacity, rows - first)
        width = panel_width(count, workspace.itemsize)
        chosen = at(order, first)
        gather_inputs(choices, layers, workspace, chosen, 0, count, width)
        gather_targets(choices, layers, workspace, chosen, count, width)
        with_output = choices[table.OUTPUT_BACKWARD] != 0
        forward_panels(choices, layers, parameters, workspace, 0, count, width, with_output)
        total += loss_of_panels(choices, layers, workspace, chosen, count, width, 1.0)
    return total


@helper
def gather_inputs(choices, layers, workspace, order, first, count, width):
    """The rows `order` of the data into the first layer's input, with noise where there is any.

    first : their place in the batch.
    """
    features = layers[0, table.N_IN]
    a = at(workspace, layers[0, table.INPUT] * choices[table.CAPACITY])
    call(
        choices[table.GATHER_INPUTS],
        choices[table.INPUTS],
        choices[table.INPUT_ROW],
        choices[table.INPUT_COLUMN],
        order,
        a,
        count,
        features,
        features + 1,
        width,
    )
    panels = (count + width - 1) // width
    if choices[table.NOISE]:
        key = random_bits(choices[table.STEP_KEY], layers.shape[0])
        deviation = doubles(choices[table.SETTINGS])[table.INPUT_NOISE]
        for panel in range(panels):
            to = at(a, panel * (features + 1) * width)
            row = first + panel * width
            call(choices[table.NOISE], key, row, deviation, to, features, width)
    write_ones(a, panels, features, width)


@helper
def gather_targets(choices, layers, workspace, order, count, width):
    """The targets of the rows `order`, smoothed where that is asked for."""
    n_out = layers[-1, table.N_OUT]
    target = at(workspace, choices[table.TARGET] * choices[table.CAPACITY])
    call(
        choices[table.GATHER_TARGETS],
        choices[table.TARGETS],
        choices[table.TARGET_ROW],
        choices[table.TARGET_COLUMN],
        order,
        target,
        count,
        n_out,
        n_out,
        width,
    )
    if choices[table.SMOOTH]:
        settings = doubles(choices[table.SETTINGS])
        kept, added = settings[table.SMOOTHING_KEPT], settings[table.SMOOTHING_ADDED]
        size = (count + width - 1) // width * n_out * width
        call(choices[table.SMOOTH], kept, added, target, size)


@helper
def write_ones(a, panels, features, width):
    """The last row of each panel, by which the bias is multiplied."""
    for panel in range(panels):
        row = carray(at(a, (panel * (features + 1) + features) * width), width)
        row[:] = 1


@helper
def forward_panels(choices, layers, parameters, workspace, first, rows, width, with_output):
    """Every layer's z and a; the last layer's a only `with_output`.

    first : the place in the batch of the first row in the workspace.
    """
    capacity, product = choices[table.CAPACITY], choices[table.PRODUCT]
    panels = (rows + width - 1) // width
    for place in range(layers.shape[0]):
        n_in, n_out = layers[place, table.N_IN], layers[place, table.N_OUT]
        a = at(workspace, layers[place, table.INPUT] * capacity)
        if choices[table.DROPOUT]:
            drop_units(choices, layers, workspace, place, first, panels, width)
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
def drop_units(choices, layers, workspace, place, first, panels, width):
    """Dropout of the inputs of a layer; the mask is kept."""
    rate = doubles(choices[table.SETTINGS])[table.DROPOUT_RATES + place]
    if rate == 0:
        return
    capacity, n = choices[table.CAPACITY], layers[place, table.N_IN]
    a = at(workspace, layers[place, table.INPUT] * capacity)
    mask = at(workspace, layers[place, table.MASK] * capacity)
    key = random_bits(choices[table.STEP_KEY], place)
    for panel in range(panels):
        call(
            choices[table.DROPOUT],
            key,
            first + panel * width,
            rate,
            at(mask, panel * n * width),
            at(a, panel * (n + 1) * width),
            n,
            width,
        )


@helper
def loss_of_panels(choices, layers, workspace, order, count, width, scale):
    """Fill the last layer's delta for the `count` rows in the workspace.

    Returns the sum of weight times loss.  scale : multiplies each row's weight in the gradient.
    """
    capacity = choices[table.CAPACITY]
    n_out = layers[-1, table.N_OUT]
    output_backward = choices[table.OUTPUT_BACKWARD]
    z = at(workspace, layers[-1, table.LOGITS] * capacity)
    a = at(workspace, layers[-1, table.OUTPUT] * capacity)
    target = at(workspace, choices[table.TARGET] * capacity)
    delta = at(workspace, choices[table.DELTA] * capacity)
    losses = at(workspace, choices[table.LOSSES])
    scales = carray(at(workspace, choices[table.SCALE]), width)
    numbers = doubles(choices[table.LOSS_NUMBERS])
    weights = doubles(choices[table.ROW_WEIGHTS])
    is_weighted = choices[table.ROW_WEIGHTS] != 0
    scales[:] = workspace.dtype.type(scale)
    total = 0.0
    for panel in range((count + width - 1) // width):
        first = panel * width
        lanes = min(width, count - first)
        if is_weighted:
            for lane in range(lanes):
                scales[lane] = workspace.dtype.type(weights[order[first + lane]] * scale)
        z_panel, delta_panel = at(z, first * n_out), at(delta, first * n_out)
        a_panel = at(a, first * (n_out + 1))
        call(
            choices[table.LOSS],
            a_panel if output_backward else z_panel,
            at(target, first * n_out),
            numbers,
            at(scales, 0),
            delta_panel,
            losses,
            n_out,
            width,
        )
        if output_backward:
            call(output_backward, z_panel, a_panel, delta_panel, n_out, width)
        if is_weighted:
            for lane in range(lanes):
                total += losses[lane] * weights[order[first + lane]]
        else:
            for lane in range(lanes):
                total += losses[lane]
    return total


@helper
def back_propagate(
    choices, layers, parameters, gradient, workspace, rows, width, accumulate, optimizer_step
):
    """The gradient of the rows in the workspace, from the last layer to the first.

    optimizer_step : its number, where each layer is updated before delta passes through.
    """
    for place in range(layers.shape[0] - 1, -1, -1):
        layer_gradient(choices, layers, gradient, workspace, place, rows, accumulate)
        if choices[table.UPDATE_EACH_LAYER]:
            update_layer(choices, layers, parameters, gradient, place, optimizer_step)
        if place:
            pass_back(choices, layers, parameters, workspace, place, rows, width)


@helper
def delta_of(choices, layers, workspace, place):
    """Where the delta of a layer is: two places take turns, the last layer's is the first."""
    turn = (layers.shape[0] - 1 - place) % 2
    start = choices[table.NEXT_DELTA] if turn else choices[table.DELTA]
    return at(workspace, start * choices[table.CAPACITY])


@helper
def layer_gradient(choices, layers, gradient, workspace, place, rows, accumulate):
    """The gradient by the weights of one layer, whose delta is known."""
    call(
        choices[table.PRODUCT],
        table.WEIGHT_GRADIENT,
        at(workspace, layers[place, table.INPUT] * choices[table.CAPACITY]),
        delta_of(choices, layers, workspace, place),
        at(gradient, layers[place, table.WEIGHTS]),
        at(workspace, choices[table.SCRATCH]),
        layers[place, table.N_IN],
        layers[place, table.N_OUT],
        rows,
        accumulate,
    )


@helper
def update_layer(choices, layers, parameters, gradient, place, optimizer_step):
    """The drop-in's update of one layer, which keeps no state: any pointer does for it."""
    start = layers[place, table.WEIGHTS]
    slope, weights = at(gradient, start), at(parameters, start)
    numbers = doubles(choices[table.OPTIMIZER_NUMBERS])
    size = (layers[place, table.N_IN] + 1) * layers[place, table.N_OUT]
    call(choices[table.OPTIMIZER], slope, numbers, optimizer_step, slope, weights, size)


@helper
def pass_back(choices, layers, parameters, workspace, place, rows, width):
    """The delta of the layer before `place`: through the weights, the dropout, the activation."""
    capacity = choices[table.CAPACITY]
    n_in, n_out = layers[place, table.N_IN], layers[place, table.N_OUT]
    panels = (rows + width - 1) // width
    out = delta_of(choices, layers, workspace, place - 1)
    call(
        choices[table.PRODUCT],
        table.INPUT_DELTA,
        delta_of(choices, layers, workspace, place),
        at(parameters, layers[place, table.WEIGHTS]),
        out,
        at(workspace, choices[table.SCRATCH]),
        n_in,
        n_out,
        rows,
        0,
    )
    if choices[table.DROPOUT_BACKWARD] and layers[place, table.MASK]:
        mask = at(workspace, layers[place, table.MASK] * capacity)
        call(choices[table.DROPOUT_BACKWARD], mask, out, panels * n_in * width)
    z = at(workspace, layers[place - 1, table.LOGITS] * capacity)
    a = at(workspace, layers[place, table.INPUT] * capacity)
    for panel in range(panels):
        call(
            layers[place - 1, table.BACKWARD],
            at(z, panel * n_in * width),
            at(a, panel * (n_in + 1) * width),
            at(out, panel * n_in * width),
            n_in,
            width,
        )
