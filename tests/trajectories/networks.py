"""Whole networks that are trained for 200 steps: on what and how, for fastnet and PyTorch alike."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from fastnet.kernels import catalog
from fastnet.losses import Huber, Quantile
from fastnet.optimizers import NAMES, SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop, Rprop
from fastnet.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseScaling,
    MultiStep,
    OneCycle,
    ReduceOnPlateau,
    Step,
    WarmUp,
)

FILE = Path(__file__).with_name("networks.json")
# Four batches of 5 rows and one of 3, in 40 epochs: 200 steps.
ROWS, INPUTS, BATCH_SIZE, EPOCHS, STEPS = 23, 3, 5, 40, 200

# NumPy keeps the stream of this class as it is for all time.
_random = np.random.RandomState(20261121)
X = _random.uniform(-1.5, 1.5, (ROWS, INPUTS))
_values = 0.5 + 0.4 * np.sin(X @ _random.uniform(-1, 1, (INPUTS, 2)) + X[:, ::-2])
_values += _random.uniform(-0.1, 0.1, (ROWS, 2))
# Rows that are there twice, with other targets: no network learns all of them.
X[-5:], _values[-5:] = X[:5], 1 - _values[:5]
_positive = _random.uniform(0.01, 1, (ROWS, 3)) ** 3
# The rows of y, by what they are.
Y = {
    "values": _values,
    "one binary": (_values[:, 0] > 0.45).astype(np.int64),
    "binary": _values > 0.5,
    "counts": np.floor(5 * _values),
    "labels": (_values > [0.4, 0.6]).sum(axis=1),
    "probabilities": _positive / _positive.sum(axis=1, keepdims=True),
}
ROW_WEIGHTS = np.round(_random.uniform(0, 3, ROWS))
START = _random.uniform(-0.8, 0.8, 100)


@dataclass(frozen=True)
class Case:
    """What `NeuralNetwork` and `train` are told, by the names of their arguments.

    y : a key of `Y`.  outputs : how many the network has.
    """

    loss: object = "binary_cross_entropy"
    output: str = "sigmoid"
    y: str = "binary"
    outputs: int = 2
    hidden: object = "tanh"
    network: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)

    @property
    def layer_sizes(self):
        return [INPUTS, 4, 3, self.outputs]

    @property
    def start(self):
        """The initial parameters."""
        return START[: sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.layer_sizes))]

    @property
    def arguments(self):
        """The arguments of `train`, with those that all cases share."""
        shared = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "learning_rate": 0.2}
        return {**shared, "optimizer": "sgd", **self.training}


def classes(y="labels", **training):
    return Case("cross_entropy", "softmax", y, 3, training=training)


def options(training, **network):
    return Case(network=network, training=training)


MOMENTUM = {"optimizer": "momentum", "learning_rate": 0.05}
ADAM = {"optimizer": "adam", "learning_rate": 0.02}
ALL_ROWS = {"epochs": STEPS, "batch_size": None}
CASES = {"all rows": options(ALL_ROWS)}
for _hidden in catalog.HIDDEN_ACTIVATIONS:
    CASES[_hidden] = Case(hidden=_hidden, training=MOMENTUM)
CASES["selu, then mish"] = Case(hidden=["selu", "mish"], training=MOMENTUM)

# ------------------------------------------------------------------------------------- losses

_TARGETS = {"binary_cross_entropy": "binary", "cross_entropy": "labels", "poisson": "counts"}
for _loss, _outputs in catalog.OUTPUTS_OF_LOSS.items():
    for _output in _outputs:
        _y = _TARGETS.get(_loss, "probabilities" if _output == "softmax" else "values")
        _n = 3 if _output == "softmax" else 2
        CASES[f"{_loss} of {_output}"] = Case(_loss, _output, _y, _n)
CASES |= {
    "one sigmoid": Case(y="one binary", outputs=1),
    "numbers of sigmoid": Case(y="values"),
    "binary smoothed": options({"label_smoothing": 0.2}),
    "mse of labels": Case("mse", "softmax", "labels", 3),
    "probabilities": classes("probabilities"),
    "labels smoothed": classes(label_smoothing=0.1),
    "probabilities smoothed": classes("probabilities", label_smoothing=0.3),
    "huber, wide": Case(Huber(0.15), "identity", "values"),
    "huber, narrow": Case(Huber(0.02), "sigmoid", "values", training={"learning_rate": 5}),
    "a low quantile": Case(Quantile(0.2), "identity", "values"),
    "quantiles": Case(Quantile([0.1, 0.5, 0.7]), "softplus", "values", 6),
}

# ------------------------------------------------------------------------------------ weights

_WEIGHTS = {"sample_weight": ROW_WEIGHTS}
_OF_CLASS = {"class_weight": {0: 0.5, 2: 3.0}}
CASES |= {
    "sample weights": options(_WEIGHTS),
    "sample weights, all rows": options({**_WEIGHTS, **ALL_ROWS}),
    "sample weights of labels": classes(**_WEIGHTS),
    "sample weights of counts": Case("poisson", "identity", "counts", training=_WEIGHTS),
    "class weights": classes(**_OF_CLASS),
    "class weights, all rows": classes(**_OF_CLASS, **ALL_ROWS),
    "class weights, balanced": classes(class_weight="balanced"),
    "class weights of one sigmoid": Case(
        y="one binary", outputs=1, training={"class_weight": {0: 0.3, 1: 1.5}}
    ),
    "both weights": classes(**_WEIGHTS, **_OF_CLASS),
    "both weights, smoothed": classes(**_WEIGHTS, **_OF_CLASS, label_smoothing=0.2),
}

# --------------------------------------------------------------------------------- optimizers

for _name in NAMES:
    _rows = ALL_ROWS if _name == "rprop" else {}
    CASES[_name] = options({"optimizer": _name, "learning_rate": 0.03, **_rows})
OBJECTS = {
    "nesterov, slower": SGD(0.1, 0.7, True),
    "rmsprop, momentum": RMSprop(0.005, 0.9, 1e-3, 0.5),
    "rmsprop, centered": RMSprop(0.01, 0.95, 1e-2, 0.3, True),
    "adagrad, decay": Adagrad(0.3, 0.01, 0.1, 1e-3),
    "adam, betas": Adam(0.02, (0.5, 0.95), 1e-3),
    "amsgrad, betas": Adam(0.02, (0.8, 0.9), 1e-4, True),
    "adamw, decay": AdamW(0.02, (0.7, 0.98), 1e-4, 0.3),
    "nadam, decay": NAdam(0.02, (0.8, 0.99), 1e-4, 0.2),
    "lion, decay": Lion(0.01, (0.8, 0.95), 0.2),
}
for _name, _optimizer in OBJECTS.items():
    CASES[_name] = options({"optimizer": _optimizer})
CASES["rprop, narrow"] = options({"optimizer": Rprop(0.05, (0.7, 1.4), (0.001, 0.2)), **ALL_ROWS})
# The drop-in's own update would do, were there no schedule.
CASES["no optimizer"] = options({"optimizer": None, "schedule": Exponential(0.99)})
CASES["no optimizer for mse"] = Case(
    "mse", "tanh", "values", training={"optimizer": None, "learning_rate": 0.15}
)

# ---------------------------------------------------------------------------------- schedules

_plateau = ReduceOnPlateau(factor=0.5, patience=1, threshold=0.02, cooldown=2)
SCHEDULES = {
    "cosine": "cosine",
    "one_cycle": "one_cycle",
    "inverse_scaling": "inverse_scaling",
    "step": Step(6, 0.5),
    "multi_step": MultiStep([5, 11, 11, 30], 0.6),
    "exponential": Exponential(0.93),
    "cosine, longer": Cosine(50, 0.02),
    "cosine_restarts": CosineRestarts(3, 2, 0.001),
    "one_cycle, three phases": OneCycle(45, 0.4, "linear", 10.0, 100.0, True),
    "inverse_scaling, slower": InverseScaling(0.3),
    "plateaus": _plateau,
    "warm_up": WarmUp(Constant(), steps=13),
    "warm_up, step": WarmUp(Step(6, 0.5), steps=13),
    "warm_up, cosine_restarts": WarmUp(CosineRestarts(4), epochs=3, start_factor=0.1),
    "warm_up, plateaus": WarmUp(_plateau, epochs=2),
}
EACH_STEP = {
    "step": Step(40, 0.5),
    "cosine": Cosine(200),
    "cosine_restarts": CosineRestarts(60),
    "warm_up, cosine": WarmUp(Cosine(170), steps=30),
}
for _name, _schedule in SCHEDULES.items():
    CASES[_name] = options({"schedule": _schedule, "learning_rate": 0.5})
for _name, _schedule in EACH_STEP.items():
    CASES[f"each step, {_name}"] = options(
        {"schedule": _schedule, "learning_rate": 0.5, **ALL_ROWS}
    )
# Its steps are of one size, so that it soon goes to and fro.
CASES["plateau"] = options({"schedule": "plateau", "optimizer": "lion", "learning_rate": 0.2})
for _name in ("nesterov", "adagrad", "adamw", "nadam", "lion"):
    CASES[f"one_cycle, {_name}"] = options(
        {"schedule": "one_cycle", "optimizer": _name, "learning_rate": 0.04}
    )

# ------------------------------------------------------ penalties, clipping, norms, averages

CASES |= {
    "l2": options({}, l2=0.03),
    "l2, adam": options(ADAM, l2=0.03),
    "l1": options({}, l1=0.01),
    "l1, momentum": options(MOMENTUM, l1=0.01),
    "l1 and l2 of labels": Case(
        "cross_entropy", "softmax", "labels", 3, network={"l1": 0.005, "l2": 0.01}
    ),
    "clip_norm": options({"clip_norm": 0.1}),
    "clip_value": options({"clip_value": 0.03}),
    "clip_value and clip_norm": options({"clip_value": 0.05, "clip_norm": 0.1}),
    "clip_norm, l2, momentum": options({**MOMENTUM, "clip_norm": 0.1}, l2=0.1),
    "max_norm": options({}, max_norm=0.9),
    "max_norm, adam": options(ADAM, max_norm=0.9),
    "average": options({"average": 0.97}),
    "average, short, adam": options({**ADAM, "average": 0.6}),
    "average, max_norm": options({"average": 0.9}, max_norm=0.9),
    "everything": Case(
        "cross_entropy",
        "softmax",
        "labels",
        3,
        ["gelu", "softplus"],
        {"l1": 0.002, "l2": 0.01, "max_norm": 0.9},
        {
            "optimizer": AdamW(0.02, (0.8, 0.95), 1e-4, 0.1),
            "schedule": WarmUp(Cosine(37), epochs=3),
            "label_smoothing": 0.1,
            "clip_value": 0.1,
            "clip_norm": 0.2,
            "average": 0.95,
            **_WEIGHTS,
            **_OF_CLASS,
        },
    ),
}


def stored():
    """Name -> the parameters at the end and the losses of the epochs, from the file."""
    text = FILE.read_text(encoding="utf-8")
    return {name: tuple(map(np.array, arrays)) for name, arrays in json.loads(text).items()}
