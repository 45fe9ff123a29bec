"""The choices of a training, combinations in which every two of them meet, and problems for these.

There are hundreds of millions of combinations. Where each choice works alone, what is left are
mostly faults of two that meet, so these are chosen such that any two choices that go together do
so in at least one of them: a covering array of strength 2 (D. M. Cohen, S. R. Dalal,
M. L. Fredman, G. C. Patton, The AETG System, IEEE Transactions on Software Engineering 23, 1997).
"""

from collections import Counter
from dataclasses import dataclass, fields
from itertools import combinations, pairwise, product

import numpy as np

from fastnet import Huber, NeuralNetwork, Quantile
from fastnet.kernels import catalog
from fastnet.optimizers import SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop, Rprop
from fastnet.schedules import (
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

STEPS = 60
LEARNING_RATE = 0.02
OPTIMIZERS = {
    "drop-in": None,
    "sgd": SGD(LEARNING_RATE),
    "momentum": SGD(0.02, momentum=0.8),
    "nesterov": SGD(0.02, momentum=0.8, nesterov=True),
    "rmsprop": RMSprop(0.005, momentum=0.5),
    "rmsprop_centered": RMSprop(0.005, momentum=0.5, centered=True),
    "adagrad": Adagrad(0.05, lr_decay=0.01),
    "adam": Adam(0.01),
    "amsgrad": Adam(0.01, amsgrad=True),
    "adamw": AdamW(0.01, weight_decay=0.1),
    "nadam": NAdam(0.01),
    "lion": Lion(0.005, weight_decay=0.1),
    # No smaller steps: near a minimum they end where gradients are nothing but rounding.
    "rprop": Rprop(0.01, step_sizes=(1e-3, 0.1)),
}
# Each makes the schedule of so many epochs, of which there are three where a batch is one row.
SCHEDULES = {
    "none": lambda epochs: None,
    "step": lambda epochs: Step(-(-epochs // 3), 0.5),
    "multi_step": lambda epochs: MultiStep((1, epochs // 2), 0.5),
    "exponential": lambda epochs: Exponential(0.95),
    "cosine": lambda epochs: Cosine(epochs, eta_min=0.001),
    "cosine_restarts": lambda epochs: CosineRestarts(1, T_mult=2),
    "one_cycle": lambda epochs: OneCycle(epochs),
    "inverse_scaling": lambda epochs: InverseScaling(0.25),
    "plateau": lambda epochs: ReduceOnPlateau(factor=0.5, patience=epochs // 10),
    "warm_up": lambda epochs: WarmUp(Exponential(0.95), steps=7),
}
# Every batch has an odd number of rows, the last one too, so that the gradient of "mae" is never
# a sum of signs that is 0 but for rounding.
ROWS = 23
BATCHES = {"full": None, "mini": 9, "single": 1, "larger": 100}
LOSSES = tuple(
    f"{loss}/{output}" for loss, outputs in catalog.OUTPUTS_OF_LOSS.items() for output in outputs
)
CROSS_ENTROPIES = ("binary_cross_entropy/sigmoid", "cross_entropy/softmax")
# What a network may have besides, what training does to its data, and to its updates; each is felt
# from the first step on.
OF_NETWORK = {
    "none": {},
    "l1": {"l1": 0.002},
    "l2": {"l2": 0.1},
    "dropout": {"dropout": 0.3},
    "input_dropout": {"dropout": (0.3, 0.2, 0.0, 0.2)},
    "max_norm": {"max_norm": 1.0},
}
DATA = ("none", "input_noise", "label_smoothing", "sample_weight", "class_weight", "both_weights")
OF_UPDATE = {
    "none": {},
    "clip_norm": {"clip_norm": 0.1},
    "clip_value": {"clip_value": 0.05},
    "clip_both": {"clip_norm": 0.1, "clip_value": 0.05},
    "average": {"average": 0.9},
}
NOISE, SMOOTHING = 0.1, 0.1
CLASS_WEIGHTS = {0: 0.7, 1: 1.9}
FACTORS = {
    # "none" is the one of a network without a hidden layer.
    "activation": ("none", *catalog.HIDDEN_ACTIVATIONS),
    "loss": LOSSES,
    "optimizer": tuple(OPTIMIZERS),
    "regularizer": tuple(OF_NETWORK),
    "data": DATA,
    "update": tuple(OF_UPDATE),
    "schedule": tuple(SCHEDULES),
    "dtype": ("float64", "float32"),
    "batch": tuple(BATCHES),
    "depth": (0, 1, 2, 3),
}


def _pairs(one, values, other, others):
    """All pairs of a choice of one factor and a choice of another."""
    return [frozenset([(one, a), (other, b)]) for a, b in product(values, others)]


_OTHER_LOSSES = [loss for loss in LOSSES if loss not in CROSS_ENTROPIES]
_OF_NUMBERS = [loss for loss in LOSSES if not loss.endswith(("/sigmoid", "/softmax"))]
# What `train` refuses ...
REFUSED = (
    *_pairs("loss", _OTHER_LOSSES, "data", ["label_smoothing"]),
    *_pairs("loss", _OF_NUMBERS, "data", ["class_weight", "both_weights"]),
    *_pairs("optimizer", ["rprop"], "batch", ["mini", "single"]),
)
# ... what is not the drop-in's own update but that of "sgd" ...
NOT_DROP_IN = (
    *_pairs("optimizer", ["drop-in"], "loss", _OTHER_LOSSES),
    *(
        pair
        for factor in ("regularizer", "data", "update", "schedule")
        for pair in _pairs("optimizer", ["drop-in"], factor, FACTORS[factor][1:])
    ),
)
# ... and what nobody can say.
MEANINGLESS = (
    *_pairs("activation", ["none"], "depth", [1, 2, 3]),
    *_pairs("activation", catalog.HIDDEN_ACTIVATIONS, "depth", [0]),
)
EXCLUDED = frozenset((*REFUSED, *NOT_DROP_IN, *MEANINGLESS))


@dataclass(frozen=True)
class Combination:
    """A choice of each factor; loss is "loss/output", depth the number of hidden layers."""

    activation: str = "tanh"
    loss: str = CROSS_ENTROPIES[0]
    optimizer: str = "sgd"
    regularizer: str = "none"
    data: str = "none"
    update: str = "none"
    schedule: str = "none"
    dtype: str = "float64"
    batch: str = "full"
    depth: int = 1

    @property
    def choices(self):
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self):
        return "-".join(map(str, self.choices.values()))


def allowed_pairs():
    """Every two choices of different factors that go together."""
    return [
        pair
        for (one, values), (other, others) in combinations(FACTORS.items(), 2)
        for pair in _pairs(one, values, other, others)
        if pair not in EXCLUDED
    ]


def covering():
    """Combinations in which every two choices that go together meet, and no others.

    Each begins with a pair that is still missing, and takes of every other factor the choice with
    which most missing pairs are met, of equals the one that was used least.
    """
    missing, used, found = dict.fromkeys(allowed_pairs()), Counter(), []
    while missing:
        chosen = dict(next(iter(missing)))

        def worth(item, chosen=chosen):
            pairs = [frozenset([item, other]) for other in chosen.items()]
            return EXCLUDED.isdisjoint(pairs), sum(map(missing.__contains__, pairs)), -used[item]

        for factor in [name for name in FACTORS if name not in chosen]:
            chosen.update([max(product([factor], FACTORS[factor]), key=worth)])
        used.update(chosen.items())
        for pair in combinations(chosen.items(), 2):
            missing.pop(frozenset(pair), None)
        found.append(Combination(**chosen))
    return found


# Nothing that a derivative may jump in is nearer to its jump: it would have to move a hundred
# times as fast as the parameter that is moved to take a difference.
MARGIN = 1e-3
# Where the derivative of a loss jumps, or that of its derivative: at these errors.
LIMIT = 0.5
JUMPS = {"mae": (0,), "quantile": (0,), "huber": (-LIMIT, LIMIT)}


@dataclass
class Problem:
    """What a combination is tried on: a network at its start, and data.

    Attributes
    ----------
    choices, options : further arguments of the network and of `train`.
    as_minimized : the targets and weights with which `loss` is what training minimizes.
    """

    combination: Combination
    layer_sizes: tuple
    choices: dict
    options: dict
    parameters: np.ndarray
    X: np.ndarray
    y: np.ndarray
    as_minimized: dict

    def network(self, backend, **changes):
        arguments = {"dtype": self.combination.dtype, "init": self.parameters, "seed": 1}
        return NeuralNetwork(
            self.layer_sizes, backend=backend, **self.choices, **arguments | changes
        )

    def train(self, network):
        """The history, and the number of steps that were taken."""
        chosen = self.combination
        batch_size = BATCHES[chosen.batch]
        steps_per_epoch = -(-ROWS // min(batch_size or ROWS, ROWS))
        epochs = -(-STEPS // steps_per_epoch)
        history = network.train(
            self.X,
            self.y,
            epochs,
            LEARNING_RATE,
            verbose=False,
            batch_size=batch_size,
            optimizer=OPTIMIZERS[chosen.optimizer],
            schedule=SCHEDULES[chosen.schedule](epochs),
            **self.options,
        )
        return history, epochs * steps_per_epoch


def problem(combination, seed=0):
    """A problem with no number near a kink, drawn anew for each seed."""
    rng = np.random.default_rng([seed, *str(combination).encode()])
    loss, output = combination.loss.split("/")
    with_classes = combination.data in ("class_weight", "both_weights")
    n_out = {"quantile": 2}.get(loss, 3)
    if with_classes and output != "softmax":
        n_out = 1
    layer_sizes = (*(3, 5, 4, 3)[: combination.depth + 1], n_out)
    parameters = np.concatenate([_matrix(rng, *sizes) for sizes in pairwise(layer_sizes)])
    y = _targets(rng, loss, output, 1 if loss == "quantile" else n_out, with_classes)
    options, as_minimized = _data_options(rng, combination.data, y, n_out)
    made = Problem(
        combination,
        layer_sizes,
        _choices(combination, n_out),
        OF_UPDATE[combination.update] | options,
        parameters.astype(combination.dtype),
        np.empty((ROWS, layer_sizes[0]), combination.dtype),
        y,
        as_minimized,
    )
    _draw_inputs(made, rng, JUMPS.get(loss, ()))
    return made


def _choices(combination, n_out):
    """The arguments of the network."""
    loss, output = combination.loss.split("/")
    with_numbers = {"huber": Huber(LIMIT), "quantile": Quantile((0.25, 0.7)[:n_out])}
    choices = {"loss": with_numbers.get(loss, loss), "output": output}
    choices |= OF_NETWORK[combination.regularizer]
    if combination.depth:
        choices["hidden"] = combination.activation
    if combination.regularizer == "input_dropout":
        choices["dropout"] = choices["dropout"][: combination.depth + 1]
    return choices


def _data_options(rng, data, y, n_out):
    """(arguments of `train`, the targets and weights with which `loss` is what it minimizes)."""
    options, target, weights = {}, y, np.ones(ROWS)
    if data == "input_noise":
        options["input_noise"] = NOISE
    if data == "label_smoothing":
        options["label_smoothing"] = SMOOTHING
        one_hot, classes = (np.eye(n_out)[y], n_out) if y.ndim == 1 else (y, 2)
        target = (1 - SMOOTHING) * one_hot + SMOOTHING / classes
    if data in ("sample_weight", "both_weights"):
        # Some rows count nothing, and with batches of one row whole batches.
        weights = rng.random(ROWS) * (rng.random(ROWS) > 0.2)
        options["sample_weight"] = weights
    if data in ("class_weight", "both_weights"):
        options["class_weight"] = CLASS_WEIGHTS
        weights = weights * [CLASS_WEIGHTS.get(label, 1.0) for label in y.ravel().tolist()]
    return options, {"y": target, "sample_weight": weights if "weight" in data else None}


def _matrix(rng, n_in, n_out):
    """A layer's weights and bias, none near 0, where the derivative of l1 jumps."""
    values = rng.standard_normal((n_in + 1, n_out)) * np.sqrt(1 / n_in)
    return (values + np.copysign(MARGIN, values)).ravel()


def _targets(rng, loss, output, columns, with_classes):
    shape = ROWS, columns
    if output == "softmax":
        is_of_classes = loss == "cross_entropy" or with_classes
        return rng.integers(0, 3, ROWS) if is_of_classes else rng.dirichlet(np.ones(3), ROWS)
    if with_classes:
        return rng.integers(0, 2, shape)
    if loss == "poisson":
        return rng.poisson(2, shape)
    return rng.random(shape) if output == "sigmoid" else rng.standard_normal(shape)


def _draw_inputs(problem, rng, jumps):
    """Fill in X; rows with a hidden logit near 0 or an output near a jump are drawn again."""
    network = problem.network("reference", dtype="float64")
    drawn = np.ones(ROWS, bool)
    while drawn.any():
        problem.X[drawn] = rng.uniform(-1.7, 1.7, (drawn.sum(), problem.X.shape[1]))
        outputs = network.forward(problem.X)
        distances = network.layer_inputs[1:-1] + [outputs - problem.y - jump for jump in jumps]
        drawn = np.any([(np.abs(d) < MARGIN).any(axis=1) for d in distances], axis=0)
