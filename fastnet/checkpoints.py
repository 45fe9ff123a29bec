"""Networks in files, with all that going on with their training needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from . import files, optimizers, schedules, validation
from .custom import Activation, Loss
from .history import History
from .kernels import catalog
from .losses import Huber, Quantile
from .options import Options
from .plan import Plan
from .state import TrainingState

# The vectors of a state that may be missing, and its whole numbers.
VECTORS = ("averaged", "best", "last", "held")
COUNTS = ("epochs", "updates", "optimizer_since", "schedule_since", "average_since", "waited")
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def save(path, network) -> None:
    """Write the network as it is."""
    _write(path, network, network._parameters, network._state)


def saver(network, options: Options, with_best: bool) -> Callable[[History], None] | None:
    """What writes the checkpoints of a training, as if it had ended there; None without any."""
    if options.checkpoint is None:
        return None

    def save_epoch(history: History) -> None:
        if len(history) % options.every == 0:
            parameters, state = network._state.as_if_ended(network._parameters, with_best)
            _write(options.checkpoint, network, parameters, state)

    return save_epoch


def load(path, cls, custom=(), backend: str | None = None):
    """The network of class `cls` that is in the file."""
    header, arrays = files.read(path)
    try:
        network = _network(header["network"], header["generator"], cls, custom, backend)
        network.parameters = arrays["parameters"]
        network._state = _state(header, arrays, network._plan)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
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
    described = asdict(plan)
    del described["layers"]
    described["hidden"] = [_name(layer.activation) for layer in plan.layers[:-1]]
    described["loss"] = _name(plan.loss)
    return described


def _name(chosen) -> str:
    return chosen if isinstance(chosen, str) else chosen.name


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


def _chosen(name: str, kind: type[Activation] | type[Loss], known, custom):
    """The user's own of this name, or the name, if it is known."""
    for own in custom:
        if isinstance(own, kind) and own.name == name:
            return own
    if name not in known:
        raise ValueError(
            f"the network has a {kind.__name__} {name!r} of your own, expected it in custom"
        )
    return name


def _state(header, arrays, plan: Plan) -> TrainingState:
    counts: dict[str, Any] = {
        name: validation.whole_number(header["counts"][name], name, 0) for name in COUNTS
    }
    state = TrainingState(**counts, monitor=header["monitor"])
    if header["key"] is not None:
        state.key = validation.whole_number(header["key"], "key", 0)
    if header["optimizer"]:
        state.optimizer = optimizers.from_dict(header["optimizer"])
        slots = state.optimizer.first_state(plan.size, plan.dtype).shape
        numbers = state.optimizer.numbers().shape
        state.slots = _array(arrays, "slots", slots, plan.dtype)
        state.numbers = _array(arrays, "numbers", numbers, "float64")
    if header["schedule"]:
        state.schedule = schedules.from_dict(header["schedule"])
        state.schedule_state = [float(value) for value in header["schedule_state"]]
    for name in VECTORS:
        if name in arrays:
            setattr(state, name, _array(arrays, name, (plan.size,), plan.dtype))
    return state


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
    return _plain(rng.bit_generator.state)


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
