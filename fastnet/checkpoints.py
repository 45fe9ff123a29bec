"""Networks in files, with all that going on with their training needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from . import files, optimizers, schedules, validation
from .backend import choose as choose_backend
from .custom import Activation, Loss
from .kernels import catalog
from .losses import Huber, Quantile
from .plan import Plan
from .training.history import History
from .training.options import Options
from .training.state import TrainingState

# The vectors of a state that may be missing, and its whole numbers.
VECTORS = ("averaged", "best", "last", "held")
COUNTS = ("epochs", "updates", "optimizer_since", "schedule_since", "average_since", "waited")
# Of the whole numbers that the kernels count with.
LARGEST_COUNT = 2**63 - 1
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def save(path, network) -> None:
    """Write the network as it is."""
    _write(path, network, network._parameters, network._state)


def saver(network, options: Options, with_best: bool) -> Callable[[History], None]:
    """What writes the checkpoints of a training, as if it had ended there."""

    def save_epoch(history: History) -> None:
        if len(history) % options.every == 0:
            parameters, state = network._state.as_if_ended(network._parameters, with_best)
            _write(options.checkpoint, network, parameters, state)

    return save_epoch


def load(path, cls, custom=(), backend: str | None = None):
    """The network of class `cls` that is in the file."""
    _check_own(custom)
    backend = choose_backend(backend)
    header, arrays = files.read(path)
    try:
        network = _network(header["network"], header["generator"], cls, custom, backend)
        network.parameters = arrays["parameters"]
        network._state = _state(header, arrays, network._plan)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{path} holds no network of fastnet: {error!r}") from None
    return network


def _write(path, network, parameters: np.ndarray, state: TrainingState) -> None:
    header: dict[str, object] = {
        "network": _described(network._plan),
        "generator": _generator(network._rng),
        "counts": {name: getattr(state, name) for name in COUNTS},
        "key": state.key,
        "monitor": state.monitor,
        "optimizer": state.optimizer and state.optimizer.as_dict(),
        "schedule": state.schedule and state.schedule.as_dict(),
        "schedule_state": state.schedule_state,
    }
    arrays = {"parameters": parameters, "numbers": state.numbers, "slots": state.slots}
    for name in VECTORS:
        vector = getattr(state, name)
        if vector is not None:
            arrays[name] = vector
    files.write(path, header, arrays)


def _described(plan: Plan) -> dict[str, object]:
    described = {field.name: getattr(plan, field.name) for field in fields(plan)}
    del described["layers"]
    described["hidden"] = [_name(layer.activation) for layer in plan.layers[:-1]]
    described["loss"] = _name(plan.loss)
    return described


def _name(chosen) -> str | dict[str, str]:
    # The user's own may be called as one of the catalog.
    return chosen if isinstance(chosen, str) else {"custom": chosen.name}


def _network(described, generator, cls, custom, backend):
    numbers = described["loss_numbers"]
    loss = _chosen(described["loss"], Loss, catalog.OUTPUTS_OF_LOSS, custom)
    if loss == "huber":
        loss = Huber(*numbers)
    elif loss == "quantile":
        loss = Quantile(sorted(set(numbers)))
    return cls(
        described["layer_sizes"],
        hidden=[
            _chosen(name, Activation, catalog.HIDDEN_ACTIVATIONS, custom)
            for name in described["hidden"]
        ],
        output=described["output"],
        loss=loss,
        init="zeros",
        dropout=described["dropout"],
        l1=described["l1"],
        l2=described["l2"],
        max_norm=described["max_norm"] or None,
        dtype=described["dtype"],
        backend=backend,
        seed=_restored(generator),
    )


def _chosen(described, kind: type[Activation] | type[Loss], known, custom):
    """The name, if it is known, or the user's own of this name."""
    if isinstance(described, str):
        return validation.one_of(described, kind.__name__.lower(), known)
    name = described["custom"]
    for own in custom:
        if isinstance(own, kind) and own.name == name:
            return own
    raise ValueError(
        f"the network has a {kind.__name__} {name!r} of your own, expected it in custom"
    )


def _check_own(custom) -> None:
    expected = "expected a list of Activation and Loss"
    if not isinstance(custom, (list, tuple)):
        raise TypeError(f"custom is a {type(custom).__name__}, {expected}")
    for own in custom:
        if not isinstance(own, (Activation, Loss)):
            raise TypeError(f"custom has a {type(own).__name__}, {expected}")


def _state(header, arrays, plan: Plan) -> TrainingState:
    counts: dict[str, Any] = {name: _count(header["counts"][name], name) for name in COUNTS}
    if max(counts.values()) > max(counts["epochs"], counts["updates"]):
        raise ValueError(f"counts are {counts}, expected none above those of epochs and updates")
    state = TrainingState(**counts, monitor=header["monitor"])
    if header["key"] is not None:
        state.key = _count(header["key"], "key")
    if header["optimizer"]:
        state.optimizer = optimizers.from_dict(header["optimizer"])
        slots = state.optimizer.first_state(plan.size, plan.dtype).shape
        numbers = state.optimizer.numbers().shape
        state.slots = _array(arrays, "slots", slots, plan.dtype)
        state.numbers = _array(arrays, "numbers", numbers, "float64")
    if header["schedule"]:
        state.schedule = schedules.from_dict(header["schedule"])
        state.schedule_state = [float(value) for value in header["schedule_state"]]
        if len(state.schedule_state) != len(state.schedule.first_state()):
            raise ValueError(f"{header['schedule_state']} is no state of {state.schedule}")
    for name in VECTORS:
        if name in arrays:
            setattr(state, name, _array(arrays, name, (plan.size,), plan.dtype))
    return state


def _count(value, name: str) -> int:
    number = validation.whole_number(value, name, 0)
    if number > LARGEST_COUNT:
        raise ValueError(f"{name} is {number}, expected at most {LARGEST_COUNT}")
    return number


def _array(arrays, name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """An array of the file that kernels will write, which must be as they expect it."""
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} in the file is {array.dtype} of shape {array.shape}, "
            f"expected {dtype} of shape {shape}"
        )
    return np.array(array)


def _generator(rng) -> dict | None:
    """A generator as plain data."""
    if rng is None:
        return None
    state = rng.bit_generator.state
    validation.one_of(state["bit_generator"], "the bit generator of seed", GENERATORS)
    return _plain(state)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _restored(described):
    if described is None:
        return None
    name = validation.one_of(described["bit_generator"], "generator", GENERATORS)
    generator = getattr(np.random, name)()
    generator.state = described
    return np.random.Generator(generator)
