"""A network made ready for the compiled functions: its tables and its workspace."""

import numpy as np

from . import binding, table
from .microkernel import TILE_VECTORS, lanes

# Activations of so many bytes stay in the second-level cache of any machine of the last ten
# years, beside the weights that pass through; but a chunk is never less than eight panels, so
# that the weights of wide layers are not read again for a handful of rows.
CHUNK_BYTES = 512 * 1024
CHUNK_PANELS = 8


class Program:
    """Tables of one network, and how many numbers of workspace a row of a batch takes."""

    def __init__(self, plan):
        self.plan = plan
        self.dtype = np.dtype(plan.dtype)
        self.panel = TILE_VECTORS * lanes(self.dtype.itemsize)
        self.layers = np.zeros((len(plan.layers), table.LAYER_COLUMNS), np.int64)
        self.choices = np.zeros(table.CHOICES, np.int64)
        self._lay_out()
        for row, layer in zip(self.layers, plan.layers, strict=True):
            row[table.ACTIVATE] = self.address(binding.activation, layer.activation)
        self.choices[table.PRODUCT] = self.address(binding.product, "product")
        self.choices[table.GATHER_ROWS] = self.address(binding.gather, "gather_rows")

    def _lay_out(self):
        # What passes back never reaches the inputs.
        widest = max(self.plan.layer_sizes[1:])
        place = 0

        def take(numbers):
            nonlocal place
            place += numbers
            return place - numbers

        output = take(self.plan.layer_sizes[0] + 1)
        for row, layer in zip(self.layers, self.plan.layers, strict=True):
            row[table.N_IN], row[table.N_OUT] = layer.n_in, layer.n_out
            row[table.WEIGHTS] = layer.span.start
            row[table.INPUT] = output
            row[table.LOGITS] = take(layer.n_out)
            row[table.OUTPUT] = output = take(layer.n_out + 1)
        self.choices[table.DELTA] = take(widest)
        self.choices[table.NEXT_DELTA] = take(widest)
        self.choices[table.TARGET] = take(self.plan.layer_sizes[-1])
        self.numbers_per_row = place
        self.losses = 3 * self.panel
        self.scratch = -(-widest // self.panel) * self.panel * self.panel

    def address(self, kind, name):
        return binding.address(kind, name, self.dtype.name)

    def for_rows(self, X, batch_size=None, whole=False):
        """A copy of the choices for the data X, and a workspace for its batches.

        A batch is worked on in chunks, or all at once if `whole`. The caller keeps X alive:
        the choices hold its address, so that its kind compiles nothing.
        """
        rows = batch_size or len(X)
        bytes_per_row = self.numbers_per_row * self.dtype.itemsize
        chunk = max(CHUNK_BYTES // bytes_per_row, CHUNK_PANELS * self.panel)
        wanted = rows if whole else min(rows, chunk)
        capacity = -(-wanted // self.panel) * self.panel
        choices = self.choices.copy()
        choices[table.CAPACITY] = capacity
        choices[table.LOSSES] = self.numbers_per_row * capacity
        choices[table.SCRATCH] = choices[table.LOSSES] + self.losses
        choices[table.INPUTS], choices[table.ROWS] = X.ctypes.data, len(X)
        # Zeros: the lanes behind a batch's last row take part in the arithmetic, unread.
        workspace = np.zeros(choices[table.SCRATCH] + self.scratch, self.dtype)
        return choices, workspace

    def with_targets(self, choices, targets):
        """Fill in what back-propagation needs to know beyond `forward`."""
        gather = "gather_labels" if targets.ndim == 1 else "gather_rows"
        choices[table.GATHER_TARGETS] = self.address(binding.gather, gather)
        choices[table.TARGETS] = targets.ctypes.data
        for row, layer in zip(self.layers[:-1], self.plan.layers, strict=False):
            name = f"{layer.activation}_backward"
            row[table.BACKWARD] = self.address(binding.activation_backward, name)

    def with_loss(self, choices, name, targets):
        """Fill in what a loss and its gradient need to know beyond `forward`."""
        self.with_targets(choices, targets)
        choices[table.LOSS] = self.address(binding.loss, name)
