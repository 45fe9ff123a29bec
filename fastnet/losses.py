"""Losses that have numbers of their own, as the user chooses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from . import validation
from .custom import Loss
from .kernels import catalog


@dataclass(frozen=True)
class Huber:
    """Squared near the target and absolute far from it: d^2/2, or delta (|d| - delta/2) beyond.

    P. J. Huber, Annals of Mathematical Statistics 35 (1964); as `torch.nn.HuberLoss`.

    Parameters
    ----------
    delta : float
        Above 0; where the one becomes the other.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", validation.number(self.delta, "delta", above=0))


@dataclass(frozen=True)
class Quantile:
    """The pinball loss, whose minimum is a quantile: q (t - a), or (1 - q)(a - t) where a > t.

    R. Koenker, G. Bassett, Econometrica 46 (1978).

    Parameters
    ----------
    q : float, sequence or array of float
        Between 0 and 1, each larger than the one before. With several, a network has as many
        outputs for each target: those of the first target, in the order of q, then those of the
        second.
    """

    q: Any = 0.5

    def __post_init__(self) -> None:
        given = self.q.tolist() if isinstance(self.q, np.ndarray) else self.q
        values = given if isinstance(given, Sequence) and len(given) else [given]
        checked = tuple(validation.number(q, "q", above=0, below=1) for q in values)
        if any(left >= right for left, right in pairwise(checked)):
            raise ValueError(f"q is {checked}, expected each larger than the one before")
        object.__setattr__(self, "q", checked)


def resolve(value, output: str | None, n_out: int) -> tuple[object, str, tuple[float, ...]]:
    """(loss, output, numbers of the loss) from what the user chose, each None for a default.

    The loss that is returned is a name of the catalog or the user's own `Loss`.
    """
    name, numbers = _named(value, n_out)
    if output is not None:
        validation.one_of(output, "output", catalog.OUTPUT_ACTIVATIONS)
    if name is None:
        output = output or "sigmoid"
        name = catalog.LOSS_OF_OUTPUT[output]
    elif isinstance(name, Loss):
        output = output or "identity"
    else:
        outputs = catalog.OUTPUTS_OF_LOSS[name]
        output = output or outputs[0]
        if output not in outputs:
            listed = ", ".join(repr(known) for known in outputs)
            raise ValueError(f"loss {name!r} goes with output {listed}, got output {output!r}")
    if output == "softmax" and n_out == 1:
        raise ValueError(
            f"output is 'softmax', with loss {name!r}, for one output, "
            "expected at least two outputs"
        )
    return name, output, numbers


def _named(value, n_out: int) -> tuple[object, tuple[float, ...]]:
    if isinstance(value, str):
        value = {"huber": Huber(), "quantile": Quantile()}.get(value, value)
    if isinstance(value, Huber):
        return "huber", (value.delta,)
    if isinstance(value, Quantile):
        if n_out % len(value.q):
            raise ValueError(
                f"loss has {len(value.q)} quantiles for {n_out} outputs, "
                "expected as many outputs for each target"
            )
        return "quantile", value.q * (n_out // len(value.q))
    if value is None or isinstance(value, Loss):
        return value, ()
    return validation.one_of(value, "loss", tuple(catalog.OUTPUTS_OF_LOSS)), ()
