"""The network's forward half on panels: rows in, outputs and losses out.

choices, layers : the tables, see `table`.
parameters : flat vector.  workspace : flat, as the tables lay it out.  scratch : in it, of the
    thread's own, where weights are packed. These are NUMBERS, see `pointers`.
order : int64, the rows of the data that are meant.
Helpers are given pointers to the first elements: an array is seven arguments, and there are
enough of them to take as long as a small network's arithmetic.
first, rows : a part of the chunk that the workspace holds: whole panels, but for the last.
Kernels are called, and vectors and data found, through addresses, so that these functions are the
same machine code for every network, both dtypes, every kind of data and every way of training.
"""

from . import table
from .division import divide_up
from .jit import ONE, YES, ZERO, entry, helper
from .layers import panel_width
from .pointers import at, call, doubles, fill, read, write
from .shuffling import random_bits


@entry
def forward(choices, layers, order, kept):
    """Each layer's z and a of the rows, to the addresses `kept`, (layers, 2)."""
    rows, capacity, itemsize = order.size, choices[table.CAPACITY], choices[table.ITEMSIZE]
    choices, layers, order = at(choices, 0), at(layers, 0), at(order, 0)
    parameters, workspace = numbers(choices, table.PARAMETERS), numbers(choices, table.WORKSPACE)
    scratch, scatter = at(workspace, choices[table.SCRATCH]), choices[table.SCATTER]
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        width = panel_width(count, choices[table.LANES], ONE)
        gather_inputs(choices, layers, workspace, at(order, start), ZERO, ZERO, count, width)
        forward_panels(
            choices, layers, parameters, workspace, scratch, ZERO, ZERO, count, width, YES
        )
        for place in range(choices[table.LAYERS]):
            layer = row_of(layers, place)
            n = layer[table.N_OUT]
            z = at(workspace, layer[table.LOGITS] * capacity)
            a = at(workspace, layer[table.OUTPUT] * capacity)
            to_z, to_a = (kept[place, 0], itemsize), (kept[place, 1], itemsize)
            call(scatter, z, at(to_z, start * n), count, n, n, width)
            call(scatter, a, at(to_a, start * n), count, n, n + 1, width)


@helper
def numbers(choices, place):
    """The vector whose address stands at a place of the table."""
    return choices[place], choices[table.ITEMSIZE]


@helper
def loss(choices, layers, parameters, workspace, order, rows):
    """The sum of the rows' losses, each times its weight."""
    capacity, total = choices[table.CAPACITY], 0.0
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        width = panel_width(count, choices[table.LANES], ONE)
        chosen = at(order, start)
        scratch = at(workspace, choices[table.SCRATCH])
        gather_inputs(choices, layers, workspace, chosen, ZERO, ZERO, count, width)
        gather_targets(choices, layers, workspace, chosen, ZERO, count, width)
        losses_of_part(
            choices, layers, parameters, workspace, scratch, chosen, ZERO, ZERO, count, width, 1.0
        )
        total = add_losses(choices, workspace, chosen, count, width, total)
    return total


@helper
def row_of(layers, place):
    """A layer's row of the table."""
    return at(layers, place * table.LAYER_COLUMNS)


@helper
def gather_inputs(choices, layers, workspace, order, start, first, rows, width):
    """Rows of the data into the first layer's input, with noise where there is any.

    order : from the first row of the chunk on.  start : the place of that row in the batch.
    """
    features = layers[table.N_IN]
    stride = (features + 1) * width
    column = layers[table.INPUT] * choices[table.CAPACITY]
    a = at(workspace, column + first * (features + 1))
    call(
        choices[table.GATHER_INPUTS],
        choices[table.INPUTS],
        choices[table.INPUT_ROW],
        choices[table.INPUT_COLUMN],
        at(order, first),
        a,
        rows,
        features,
        features + 1,
        width,
    )
    panels = divide_up(rows, width)
    if choices[table.NOISE]:
        key = random_bits(choices[table.STEP_KEY], choices[table.LAYERS])
        deviation = doubles(choices[table.SETTINGS])[table.INPUT_NOISE]
        for panel in range(panels):
            row = start + first + panel * width
            to = at(a, panel * stride)
            call(choices[table.NOISE], key, row, deviation, to, features, width)
    write_ones(a, panels, features, width)


@helper
def gather_targets(choices, layers, workspace, order, first, rows, width):
    """The targets of rows of the data, smoothed where that is asked for."""
    n_out = row_of(layers, choices[table.LAYERS] - 1)[table.N_OUT]
    target = at(workspace, choices[table.TARGET] * choices[table.CAPACITY] + first * n_out)
    call(
        choices[table.GATHER_TARGETS],
        choices[table.TARGETS],
        choices[table.TARGET_ROW],
        choices[table.TARGET_COLUMN],
        at(order, first),
        target,
        rows,
        n_out,
        n_out,
        width,
    )
    if choices[table.SMOOTH]:
        settings = doubles(choices[table.SETTINGS])
        kept, added = settings[table.SMOOTHING_KEPT], settings[table.SMOOTHING_ADDED]
        size = divide_up(rows, width) * n_out * width
        call(choices[table.SMOOTH], kept, added, target, size)


@helper
def write_ones(a, panels, features, width):
    """The last row of each panel, by which the bias is multiplied."""
    for panel in range(panels):
        fill(at(a, (panel * (features + 1) + features) * width), width, 1.0)


@helper
def forward_panels(
    choices, layers, parameters, workspace, scratch, start, first, rows, width, with_output
):
    """Every layer's z and a: no z where it `rectifies`, the last layer's a only `with_output`.

    start : the place in the batch of the first row of the chunk.
    """
    capacity, product = choices[table.CAPACITY], choices[table.PRODUCT]
    panels = divide_up(rows, width)
    for place in range(choices[table.LAYERS]):
        layer = row_of(layers, place)
        n_in, n_out = layer[table.N_IN], layer[table.N_OUT]
        a = at(workspace, layer[table.INPUT] * capacity + first * (n_in + 1))
        if choices[table.DROPOUT]:
            drop_units(choices, layer, workspace, place, start, first, panels, width)
        weights = at(parameters, layer[table.WEIGHTS])
        out = at(workspace, layer[table.OUTPUT] * capacity + first * (n_out + 1))
        is_rectified = rectifies(choices, layer)
        which, z = table.AFFINE_RELU, out
        if not is_rectified:
            which, z = table.AFFINE, at(workspace, layer[table.LOGITS] * capacity + first * n_out)
        call(product, which, a, weights, z, scratch, n_in, n_out, rows, width, 0, 0, 0)
        is_last = place == choices[table.LAYERS] - 1
        if not is_rectified and (with_output or not is_last):
            for panel in range(panels):
                call(
                    layer[table.ACTIVATE + choices[table.WITH_SLOPES]],
                    at(z, panel * n_out * width),
                    at(out, panel * (n_out + 1) * width),
                    n_out,
                    width,
                )
        if not is_last:
            write_ones(out, panels, n_out, width)


@helper
def rectifies(choices, layer):
    """Whether the product of a layer makes its output at once, and nothing its logits."""
    return layer[table.RECTIFIES] != 0 and choices[table.KEEP_LOGITS] == 0


@helper
def drop_units(choices, layer, workspace, place, start, first, panels, width):
    """Dropout of the inputs of a layer; the mask is kept."""
    rate = doubles(choices[table.SETTINGS])[table.DROPOUT_RATES + place]
    if rate == 0:
        return
    capacity, n = choices[table.CAPACITY], layer[table.N_IN]
    a = at(workspace, layer[table.INPUT] * capacity + first * (n + 1))
    mask = at(workspace, layer[table.MASK] * capacity + first * n)
    key = random_bits(choices[table.STEP_KEY], place)
    for panel in range(panels):
        call(
            choices[table.DROPOUT],
            key,
            start + first + panel * width,
            rate,
            at(mask, panel * n * width),
            at(a, panel * (n + 1) * width),
            n,
            width,
        )


@helper
def losses_of_part(
    choices, layers, parameters, workspace, scratch, order, start, first, rows, width, scale
):
    """Forward, and then the loss of each row and the delta of the last layer.

    scale : multiplies each row's weight in the gradient.
    """
    with_output = choices[table.OUTPUT_BACKWARD] != 0
    forward_panels(
        choices, layers, parameters, workspace, scratch, start, first, rows, width, with_output
    )
    capacity = choices[table.CAPACITY]
    layer = row_of(layers, choices[table.LAYERS] - 1)
    n_out = layer[table.N_OUT]
    z = at(workspace, layer[table.LOGITS] * capacity + first * n_out)
    a = at(workspace, layer[table.OUTPUT] * capacity + first * (n_out + 1))
    target = at(workspace, choices[table.TARGET] * capacity + first * n_out)
    delta = at(workspace, layer[table.DELTA] * capacity + first * n_out)
    losses = at(workspace, choices[table.LOSSES] * capacity + first * 3)
    scales = at(workspace, choices[table.SCALE] * capacity + first)
    loss_numbers = doubles(choices[table.LOSS_NUMBERS])
    weights = doubles(choices[table.ROW_WEIGHTS])
    fill(scales, width, scale)
    for panel in range(divide_up(rows, width)):
        row = panel * width
        if choices[table.ROW_WEIGHTS]:
            for lane in range(min(width, rows - row)):
                write(scales, lane, weights[order[first + row + lane]] * scale)
        z_panel, delta_panel = at(z, row * n_out), at(delta, row * n_out)
        a_panel = at(a, row * (n_out + 1))
        call(
            choices[table.LOSS],
            a_panel if with_output else z_panel,
            at(target, row * n_out),
            loss_numbers,
            scales,
            delta_panel,
            at(losses, row * 3),
            n_out,
            width,
        )
        if with_output:
            call(choices[table.OUTPUT_BACKWARD], z_panel, a_panel, delta_panel, n_out, width)


@helper
def add_losses(choices, workspace, order, rows, width, total):
    """`total` and the losses of all rows of the chunk, in their order, each times its weight."""
    losses = at(workspace, choices[table.LOSSES] * choices[table.CAPACITY])
    weights = doubles(choices[table.ROW_WEIGHTS])
    for row in range(0, rows, width):
        values = at(losses, row * 3)
        if choices[table.ROW_WEIGHTS]:
            for lane in range(min(width, rows - row)):
                total += read(values, lane) * weights[order[row + lane]]
        else:
            for lane in range(min(width, rows - row)):
                total += read(values, lane)
    return total
