"""From what the user says of a network to its plan, or one sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import losses, validation
from .custom import Activation, Loss
from .kernels import catalog
from .plan import Plan


def plan_of(
    layer_sizes,
    *,
    hidden,
    output,
    loss,
    dropout,
    l1,
    l2,
    max_norm,
    dtype,
    backend: str,
) -> Plan:
    """The plan of a network; see `NeuralNetwork` for the arguments."""
    dtype = validation.dtype_name(dtype)
    sizes = validation.layer_sizes(layer_sizes, dtype)
    chosen_loss, chosen_output, numbers = losses.resolve(loss, output, sizes[-1])
    activations = _hidden(hidden, len(sizes) - 2)
    for chosen in (*activations, chosen_loss):
        if isinstance(chosen, (Activation, Loss)):
            _check_compiled(chosen, backend)
    return Plan.of(
        sizes,
        chosen_output,
        dtype,
        hidden=activations,
        loss=chosen_loss,
        loss_numbers=numbers,
        dropout=_dropout(dropout, len(sizes) - 1),
        l1=validation.number(l1, "l1", least=0),
        l2=validation.number(l2, "l2", least=0),
        max_norm=0.0 if max_norm is None else validation.number(max_norm, "max_norm", above=0),
    )


def _hidden(value, count: int) -> tuple:
    """An activation for each hidden layer."""
    if isinstance(value, (str, Activation)):
        return (_activation(value, "hidden"),) * count
    if not isinstance(value, Sequence):
        raise TypeError(
            f"hidden is a {type(value).__name__}, expected the name of an activation, "
            "an Activation, or a list of these"
        )
    if len(value) != count:
        raise ValueError(
            f"hidden has {len(value)} activations, expected {count}, one for each hidden layer"
        )
    activations = tuple(_activation(item, f"hidden[{i}]") for i, item in enumerate(value))
    # A file knows them by their names.
    names = [own.name for own in set(activations) if isinstance(own, Activation)]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"hidden has two activations {name!r}, expected a name for each")
    return activations


def _activation(value, name: str):
    if isinstance(value, Activation):
        return value
    return validation.one_of(value, name, catalog.HIDDEN_ACTIVATIONS)


def _check_compiled(chosen, backend: str) -> None:
    if backend == "compiled" and chosen.compiled is None:
        kind = type(chosen).__name__.lower()
        raise ValueError(
            f"{kind} {chosen.name!r} has no compiled functions, "
            "expected them or backend='reference'"
        )


def _dropout(value, count: int) -> tuple[float, ...]:
    """The rate for each layer's input; a single number means the hidden layers."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if len(value) != count:
            raise ValueError(
                f"dropout has {len(value)} rates, expected {count}: the inputs' and one for "
                "each hidden layer"
            )
        return tuple(_rate(rate, f"dropout[{i}]") for i, rate in enumerate(value))
    return (0.0, *(count - 1) * (_rate(value, "dropout"),))


def _rate(value, name: str) -> float:
    return validation.number(value, name, least=0, below=1)
