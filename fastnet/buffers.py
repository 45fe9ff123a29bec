"""The vectors of a network, and the layers as views of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .plan import Layer, Plan
from .validation import array_of_shape


class LayerArrays(Sequence):
    """The weights or the biases of all layers; each item is a view of the flat vector.

    Assigning to an item copies into the view, so that it takes effect at the next call.
    """

    def __init__(self, name: str, views: list[np.ndarray]) -> None:
        self._name = name
        self._views = views

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, place):
        return self._views[place]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._views)

    def __setitem__(self, place, value) -> None:
        if isinstance(place, slice):
            self.assign(range(len(self))[place], value)
        else:
            self.assign([range(len(self))[place]], [value])

    def assign(self, places: Sequence[int], values) -> None:
        """Copy values into the views at these places, all of them or none."""
        try:
            values = list(values)
        except TypeError:
            raise TypeError(
                f"{self._name} is a {type(values).__name__}, expected {len(places)} arrays, "
                "one for each layer"
            ) from None
        if len(values) != len(places):
            raise ValueError(
                f"{self._name} got {len(values)} arrays, expected {len(places)}, one for each layer"
            )
        views = [self._views[place] for place in places]
        # Copies first: a value may be a view of what is about to change.
        checked = [
            array_of_shape(value, f"{self._name}[{place}]", view.shape, view.dtype).copy()
            for place, value, view in zip(places, values, views, strict=True)
        ]
        for view, value in zip(views, checked, strict=True):
            view[...] = value

    def __repr__(self) -> str:
        return repr(self._views)


def weights(plan: Plan, vector: np.ndarray) -> LayerArrays:
    """The weights, (n_in, n_out) each, as views of a flat vector."""
    return _views(plan, vector, "weights", lambda layer: (layer.weights, layer.n_in))


def biases(plan: Plan, vector: np.ndarray) -> LayerArrays:
    """The biases, (1, n_out) each, as views of a flat vector."""
    return _views(plan, vector, "biases", lambda layer: (layer.bias, 1))


def _views(
    plan: Plan, vector: np.ndarray, name: str, part: Callable[[Layer], tuple[slice, int]]
) -> LayerArrays:
    views = []
    for layer in plan.layers:
        place, rows = part(layer)
        views.append(vector[place].reshape(rows, layer.n_out))
    return LayerArrays(name, views)
