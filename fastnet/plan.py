"""What a network is: sizes, offsets, choices and dtype. No arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .kernels import catalog


@dataclass(frozen=True)
class Layer:
    """One dense layer and where its numbers stand in the flat vectors.

    There it is an (n_in + 1, n_out) matrix: the weights, and the bias as its last row.
    """

    n_in: int
    n_out: int
    activation: str
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
    """A network's description; both paths run from it."""

    layer_sizes: tuple[int, ...]
    output: str
    dtype: str
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, layer_sizes: tuple[int, ...], output: str, dtype: str) -> Plan:
        layers: list[Layer] = []
        start = 0
        hidden = catalog.HIDDEN_ACTIVATIONS[0]
        activations = [hidden] * (len(layer_sizes) - 2) + [output]
        for (n_in, n_out), activation in zip(pairwise(layer_sizes), activations, strict=True):
            layers.append(Layer(n_in, n_out, activation, start))
            start = layers[-1].span.stop
        return cls(layer_sizes, output, dtype, tuple(layers))

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.layers[-1].span.stop

    @property
    def loss(self) -> str:
        return catalog.LOSS_OF_OUTPUT[self.output]

    @property
    def drop_in_loss(self) -> str:
        return catalog.DROP_IN_LOSS_OF_OUTPUT[self.output]

    @property
    def takes_labels(self) -> bool:
        """Whether a target may be the number of a class."""
        return self.output == "softmax"
