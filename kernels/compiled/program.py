"""A network made ready for the compiled functions: its tables and its workspace."""

import functools

import numpy as np

from .. import catalog
from ..memory import LINE_BYTES, aligned_zeros
from . import binding, caches, table
from .layers import block_width, scratch_size
from .microkernel import TILE_ROWS, TILE_VECTORS, VECTOR_BYTES, lanes
from .own_chunks import GROUPS
from .team import Team

# Activations of so many bytes stay in the second-level cache, beside the weights that pass through;
# but wide layers take eight panels, so that their weights are not read again for a handful of
# rows, unless Ctrl-C would wait for them: so many bytes of weights times rows take a third of a
# second.
CHUNK_BYTES = caches.sizes().l2 // 4
CHUNK_PANELS = 8
CHUNK_WORK = 2**34
# The sums of all groups stay in that cache as well, and so many panels pay for adding them up.
LANE_SUMS_BYTES = caches.sizes().l2 // 4
LANE_SUMS_PANELS = 8
# So much of the gradient is in the second-level cache when the optimizer comes to it.
UPDATE_BYTES = caches.sizes().l2 // 8


class Program:
    """Tables of one network, and how many numbers of workspace a row of a batch takes."""

    def __init__(self, plan):
        self.plan = plan
        self.dtype = np.dtype(plan.dtype)
        self.panel = TILE_VECTORS * lanes(self.dtype.itemsize)
        self.layers = np.zeros((len(plan.layers), table.LAYER_COLUMNS), np.int64)
        self.choices = np.zeros(table.CHOICES, np.int64)
        self.choices[table.LAYERS], self.choices[table.N_PARAMETERS] = len(plan.layers), plan.size
        self.choices[table.ITEMSIZE] = self.dtype.itemsize
        self.choices[table.LANES] = lanes(self.dtype.itemsize)
        self._lay_out()
        for row, layer in zip(self.layers, plan.layers, strict=True):
            plain = self.address(binding.activation, layer.activation)
            row[table.ACTIVATE : table.ACTIVATE + 2] = plain
        self.choices[table.PRODUCT] = self.address(binding.product, "product")
        self.choices[table.TURN] = self.address(binding.turning, "delta_by_rows")

    def _lay_out(self):
        sizes = self.plan.layer_sizes
        place = 0

        def take(numbers):
            nonlocal place
            place += numbers
            return place - numbers

        output, last = take(sizes[0] + 1), self.plan.layers[-1]
        itemsize, sums = self.dtype.itemsize, 0
        for row, layer in zip(self.layers, self.plan.layers, strict=True):
            n_in, n_out = layer.n_in, layer.n_out
            row[table.N_IN], row[table.N_OUT] = n_in, n_out
            row[table.WEIGHTS] = layer.span.start
            row[table.INPUT] = output
            # The loss reads the logits of the last.
            row[table.RECTIFIES] = layer.activation == "relu" and layer is not last
            if not row[table.RECTIFIES]:
                row[table.LOGITS] = take(n_out)
            row[table.OUTPUT] = output = take(n_out + 1)
            tile = n_out * TILE_ROWS * itemsize
            row[table.BLOCK_ROWS] = max(1, UPDATE_BYTES // tile) * TILE_ROWS
            row[table.FIRST_SUM] = sums
            sums += -(-(n_in + 1) // TILE_ROWS)
        self.choices[table.N_SUMS] = sums
        self.choices[table.TARGET] = take(sizes[-1])
        self.choices[table.LOSSES] = take(3)
        self.choices[table.SCALE] = take(1)
        for row, layer in zip(self.layers, self.plan.layers, strict=True):
            block = block_width.py_func(layer.n_out, itemsize)
            row[table.DELTA] = take(layer.n_out)
            row[table.DELTA_BY_ROWS] = take(-(-layer.n_out // block) * block)
        # Last, because few ask for these logits, and only training needs room for masks.
        self.numbers = place
        for row in self.layers:
            if row[table.RECTIFIES]:
                row[table.LOGITS] = take(row[table.N_OUT])
        self.numbers_with_logits, place = place, self.numbers
        for row, layer, rate in zip(self.layers, self.plan.layers, self.plan.dropout, strict=True):
            row[table.MASK] = take(layer.n_in) if rate else 0
        self.numbers_with_masks = place
        self.choices[table.MOST_UNITS] = max(sizes[1:])
        packed = max(scratch_size(layer.n_in, layer.n_out) for layer in self.plan.layers)
        lines = -(-packed * itemsize // LINE_BYTES)
        self.scratch = lines * LINE_BYTES // itemsize

    def address(self, kind, chosen, *more):
        return binding.address(kind, chosen, self.plan.dtype, *more)

    def for_rows(
        self,
        parameters,
        X,
        batch_size=None,
        whole=False,
        training=False,
        keep_logits=False,
        each_layer=False,
        threads=1,
    ):
        """A copy of the choices for parameters and data X, and a workspace for its batches.

        A batch is worked on in chunks, or all at once if `whole`; if layers are updated one
        after the other, `each_layer`, every chunk has a workspace of its own; if chunks have
        threads of their own, every thread. The caller keeps all three alive: the choices hold
        their addresses, so that their kinds compile nothing.
        """
        rows = batch_size or len(X)
        numbers = self.numbers_with_masks if training else self.numbers
        if keep_logits:
            numbers = self.numbers_with_logits
        has_own_chunks = training and not each_layer and self._pays_for_own_chunks(rows)
        if has_own_chunks:
            wanted = self._own_chunk(numbers, rows)
        else:
            wanted = rows if whole else min(rows, self._chunk(numbers, threads))
            # As many rows in each, so that the last chunk is not a handful.
            wanted = -(-rows // -(-rows // wanted))
        capacity = -(-wanted // self.panel) * self.panel
        choices = self.choices.copy()
        choices[table.CAPACITY] = capacity
        choices[table.THREADS] = threads
        choices[table.KEEP_LOGITS] = keep_logits
        choices[table.GATHER_INPUTS] = self.gather_rows(X)
        choices[table.INPUTS] = X.ctypes.data
        choices[[table.INPUT_ROW, table.INPUT_COLUMN]] = strides(X)
        choices[table.CHUNK_SIZE] = numbers * capacity
        workspaces = -(-rows // capacity) if each_layer else threads if has_own_chunks else 1
        choices[table.SCRATCH] = workspaces * choices[table.CHUNK_SIZE]
        # Zeros: the lanes behind a batch's last row take part in the arithmetic, unread.
        room = choices[table.SCRATCH] + threads * self.scratch
        if has_own_chunks:
            choices[table.ADD_BY_LANES] = self.address(binding.by_lanes, "weight_gradient")
            choices[table.ADD_UP_LANES] = self.address(binding.of_lanes, "add_up")
            choices[table.LANE_SUMS] = room
            room += GROUPS * self.plan.size * lanes(self.dtype.itemsize)
            choices[table.GROUP_GRADIENTS] = room
            room += GROUPS * self.plan.size
        workspace = aligned_zeros(room, self.dtype)
        choices[table.PARAMETERS] = parameters.ctypes.data
        choices[table.WORKSPACE] = workspace.ctypes.data
        return choices, workspace

    def team(self, choices, size):
        """Threads for a workspace that has room for so many."""
        return Team(
            size,
            self.plan.layers,
            (choices[table.SCRATCH], self.scratch),
            choices[table.UPDATE_EACH_LAYER],
        )

    def _chunk(self, numbers, threads):
        """How many rows are worked on together, which take `numbers` of workspace each."""
        in_cache = threads * CHUNK_BYTES // (numbers * self.dtype.itemsize)
        in_time = CHUNK_WORK // (self.plan.size * self.dtype.itemsize)
        return max(in_cache, min(CHUNK_PANELS * self.panel, in_time))

    def _pays_for_own_chunks(self, rows):
        is_narrow = GROUPS * self.plan.size * VECTOR_BYTES <= LANE_SUMS_BYTES
        return is_narrow and rows >= LANE_SUMS_PANELS * self.panel

    def _own_chunk(self, numbers, rows):
        """The rows of each, so that groups get as many of them; the same for any threads."""
        turns = -(-rows // (GROUPS * self._chunk(numbers, 1)))
        return max(LANE_SUMS_PANELS * self.panel, -(-rows // (GROUPS * turns)))

    def gather_rows(self, source):
        """The kernel that fetches rows of numbers of the dtype of `source`."""
        return self.address(binding.gather, "gather_rows", name_of(source.dtype))

    def with_targets(self, choices, targets):
        """Fill in where the targets are."""
        choices[table.TARGETS] = targets.ctypes.data
        if targets.ndim == 1:
            choices[table.GATHER_TARGETS] = self.address(binding.gather, "gather_labels", "int64")
        else:
            choices[table.GATHER_TARGETS] = self.gather_rows(targets)
            choices[[table.TARGET_ROW, table.TARGET_COLUMN]] = strides(targets)

    def with_derivatives(self):
        """Fill in the derivatives of activations from their logits."""
        for row, layer in zip(self.layers[:-1], self.plan.layers, strict=False):
            row[table.BACKWARD] = self.backward(layer.activation)

    def with_slopes(self, choices):
        """Let hidden activations leave their derivatives behind, if that costs less."""
        choices[table.WITH_SLOPES] = 1
        for row, layer in zip(self.layers[:-1], self.plan.layers, strict=False):
            name = layer.activation
            if name in catalog.ACTIVATIONS_WITH_SLOPE:
                row[table.ACTIVATE + 1] = self.address(binding.activation, f"{name}_with_slope")
                name = "slope"
            row[table.BACKWARD + 1] = self.backward(name)

    def backward(self, activation):
        """The kernel of the derivative of an activation."""
        name = f"{activation}_backward" if isinstance(activation, str) else activation
        return self.address(binding.activation_backward, name)

    def with_loss(self, choices, kernel, targets, weights):
        """Fill in what a loss, and the delta that it begins, need to know beyond `forward`.

        Returns the vectors that the choices hold addresses of, for the caller to keep.
        """
        self.with_targets(choices, targets)
        choices[table.LOSS] = self.address(binding.loss, kernel)
        if not self.plan.is_of_logits(kernel):
            choices[table.OUTPUT_BACKWARD] = self.backward(self.plan.output)
        settings = np.zeros(table.DROPOUT_RATES + len(self.plan.layers))
        settings[table.L1], settings[table.L2] = self.plan.l1, self.plan.l2
        if self.plan.l1 or self.plan.l2:
            choices[table.PENALIZE] = self.address(binding.penalizing, "penalize")
        sums = np.zeros(2 * choices[table.N_SUMS])
        choices[table.SUMS] = sums.ctypes.data
        numbers = np.array(self.plan.loss_numbers)
        choices[table.SETTINGS] = settings.ctypes.data
        choices[table.LOSS_NUMBERS] = numbers.ctypes.data
        if weights is not None:
            choices[table.ROW_WEIGHTS] = weights.ctypes.data
        return settings, sums, numbers, weights

    def with_run(self, choices, settings, run):
        """Fill in how to train; returns (numbers of even and odd steps, what is to be kept)."""
        plan = self.plan
        norms = np.empty(len(plan.layers) * self.choices[table.MOST_UNITS] if plan.max_norm else 0)
        choices[table.NORMS] = norms.ctypes.data
        chunk_losses = np.zeros(-(-run.batch_size // choices[table.CAPACITY]))
        choices[table.CHUNK_LOSSES] = chunk_losses.ctypes.data
        numbers = np.zeros((2, table.MOST_NUMBERS))
        choices[table.OPTIMIZER_NUMBERS] = numbers.ctypes.data
        choices[table.OPTIMIZER] = self.address(binding.optimizer, run.optimizer)
        settings[table.DROPOUT_RATES :] = plan.dropout
        settings[table.TOTAL_WEIGHT] = run.total_weight
        if any(plan.dropout):
            choices[table.DROPOUT] = self.address(binding.dropping, "dropout")
            choices[table.DROPOUT_BACKWARD] = self.address(
                binding.dropping_backward, "dropout_backward"
            )
        if run.smoothing:
            choices[table.SMOOTH] = self.address(binding.smoothing, "smooth_targets")
            settings[[table.SMOOTHING_KEPT, table.SMOOTHING_ADDED]] = run.smoothing
        for value, choice, kind, name, setting in (
            (run.input_noise, table.NOISE, binding.noising, "gaussian_noise", table.INPUT_NOISE),
            (run.clip_value, table.CLIP_VALUE, binding.clip, "clip_value", table.VALUE_LIMIT),
            (run.clip_norm, table.CLIP_NORM, binding.norm_clip, "clip_norm", table.NORM_LIMIT),
            (plan.max_norm, table.MAX_NORM, binding.constraint, "max_norm", table.MAX_NORM_LIMIT),
            (run.average, table.AVERAGE, binding.averaged, "average", table.AVERAGE_DECAY),
        ):
            if value:
                choices[choice] = self.address(kind, name)
                settings[setting] = value
        if run.clip_norm:
            choices[table.SQUARED_NORM] = self.address(binding.norm, "squared_norm")
        for place, vector in (
            (table.GRADIENT, run.gradient),
            (table.STATE, run.state),
            (table.AVERAGED, run.averaged),
            (table.SUBSET, run.rows),
        ):
            choices[place] = 0 if vector is None else vector.ctypes.data
        choices[table.UPDATE_EACH_LAYER] = run.update_each_layer
        is_small = plan.size * self.dtype.itemsize <= UPDATE_BYTES
        has_sums = bool(plan.l1 or plan.l2 or run.clip_norm)
        choices[table.UPDATE_LATE] = not run.update_each_layer and (is_small or has_sums)
        choices[table.BATCH_SIZE], choices[table.SHUFFLE] = run.batch_size, run.shuffle
        choices[table.KEY], choices[table.FIRST_EPOCH] = run.key, run.first_epoch
        choices[table.UPDATES] = run.updates
        choices[table.OPTIMIZER_SINCE] = run.optimizer_since
        choices[table.AVERAGE_SINCE] = run.average_since
        return numbers, (norms, chunk_losses)


@functools.cache
def name_of(dtype):
    """`dtype.name`, which NumPy works out in 4 us."""
    return dtype.name


def strides(array):
    """From row to row and from column to column, in numbers."""
    return [stride // array.itemsize for stride in array.strides]
