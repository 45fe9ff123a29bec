"""What a network is: sizes, offsets, choices and a dtype; no arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .kernels import catalog


@dataclass(frozen=True)
class Layer:
    """One dense layer and where its numbers stand in the flat vectors.

    There it is an (n_in + 1, n_out) matrix: the weights, and the bias as its last row. The
    activation is a name of the catalog or an `Activation` of the user's.
    """

    n_in: int
    n_out: int
    activation: Any
    start: int

    @property
    def span(self) -> slice:
        return slice(self.start, self.start + (self.n_in + 1) * self.n_out)

    @property
    def weights(self) -> slice:
        return slice(self.start, self.start + self.n_in * self.n_out)

    @property
    def bias(self) -> slice:
        return slice(self.start + self.n_in * self.n_out, self.span.stop)


@dataclass(frozen=True)
class Plan:
    """A network's description; both paths run from it.

    Attributes
    ----------
    loss : a name of the catalog or a `Loss` of the user's.
    loss_numbers : what its kernel is given: the limit of huber, q of each output of quantile.
    dropout : for each layer, the part of its inputs that is left out of a step.
    l1, l2, max_norm : 0 where there is none.
    """

    layer_sizes: tuple[int, ...]
    output: str
    dtype: str
    layers: tuple[Layer, ...]
    loss: Any
    loss_numbers: tuple[float, ...]
    dropout: tuple[float, ...]
    l1: float
    l2: float
    max_norm: float

    @classmethod
    def of(
        cls,
        layer_sizes: tuple[int, ...],
        output: str,
        dtype: str,
        *,
        hidden: tuple | None = None,
        loss: Any = None,
        loss_numbers: tuple[float, ...] = (),
        dropout: tuple[float, ...] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float = 0.0,
    ) -> Plan:
        """The plan of these choices; without them ReLU and the output's own loss."""
        if hidden is None:
            hidden = ("relu",) * (len(layer_sizes) - 2)
        layers: list[Layer] = []
        start = 0
        for (n_in, n_out), activation in zip(pairwise(layer_sizes), (*hidden, output), strict=True):
            layers.append(Layer(n_in, n_out, activation, start))
            start = layers[-1].span.stop
        return cls(
            layer_sizes,
            output,
            dtype,
            tuple(layers),
            loss or catalog.LOSS_OF_OUTPUT[output],
            loss_numbers,
            dropout or (0.0,) * len(layers),
            l1,
            l2,
            max_norm,
        )

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.layers[-1].span.stop

    @property
    def loss_name(self) -> str:
        """How the loss is called in texts and files."""
        return self.loss if isinstance(self.loss, str) else self.loss.name

    @property
    def loss_kernel(self) -> Any:
        """The kernel of the loss: its name, or the user's loss itself."""
        return catalog.KERNEL_OF_LOGITS.get((self.loss, self.output), self.loss)

    def is_of_logits(self, kernel: object) -> bool:
        """Whether a kernel of a loss starts from the logits, and not from the output."""
        return self.output == "identity" or kernel in catalog.KERNELS_OF_LOGITS

    @property
    def drop_in_loss(self) -> str | None:
        """The loss of the drop-in's own update, or None for a network that is not of its kind."""
        if (
            self.loss != catalog.LOSS_OF_OUTPUT[self.output]
            or any(self.dropout)
            or self.l1
            or self.l2
            or self.max_norm
        ):
            return None
        return catalog.DROP_IN_LOSS_OF_OUTPUT.get(self.output)

    @property
    def outputs_per_target(self) -> int:
        """One, but for several quantiles."""
        return len(set(self.loss_numbers)) if self.loss == "quantile" else 1

    @property
    def takes_labels(self) -> bool:
        """Whether a target may be the number of a class."""
        return self.output == "softmax"
