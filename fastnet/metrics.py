"""What is measured on a validation set at the end of an epoch.

Every metric is a function of `y`, `prediction` and `weight`, and equals scikit-learn's of the
same name, weights included:

y : ndarray
    (rows,) int64 labels, or (rows, n_outputs) numbers: one-hot rows or probabilities for softmax,
    0, 1 or a probability for sigmoid, real values otherwise.
prediction : ndarray, (rows, n_outputs)
    What the network's `predict` gives, in the network's dtype.
weight : ndarray, (rows,) float64, or None
    Not negative and not all zero; None is a weight of 1 for each row.

Those of classes are told besides whether the output is `softmax`, because one-hot rows alone do
not say whether the columns are classes of which one is right, or outputs each for itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from .validation import one_of


def accuracy(y, prediction, weight, *, softmax: bool) -> float:
    """The share of rows that are right: in every output, where there are several sigmoids.

    Softmax chooses the largest probability, the first of equals; a sigmoid what is above 0.5.
    """
    truth, chosen = _decisions(y, prediction, softmax)
    return _mean((truth == chosen).all(axis=1), weight)


def balanced_accuracy(y, prediction, weight, *, softmax: bool) -> float:
    """The mean over the classes of the share of each one's rows that are right.

    A class without rows is left out. Of several sigmoid outputs, each with its two classes, the
    mean, for which scikit-learn has no name.
    """
    truth, chosen = _decisions(y, prediction, softmax)
    recall = _recall(truth, chosen, weight)
    if not softmax:
        recall = np.stack([recall, _recall(~truth, ~chosen, weight)])
    return float(np.nanmean(recall, axis=0).mean())


def f1(y, prediction, weight, *, softmax: bool) -> float:
    """2 true positives / (positives + rows chosen), the harmonic mean of precision and recall.

    Of one sigmoid output, the mean over several, or for softmax the mean over the classes that
    are in `y` or were chosen. It is 0 where there is neither a positive nor a row chosen.
    """
    truth, chosen = _decisions(y, prediction, softmax)
    true_positives = _column_sums(truth & chosen, weight)
    either = _column_sums(truth, weight) + _column_sums(chosen, weight)
    scores = np.zeros(len(either))
    np.divide(2 * true_positives, either, out=scores, where=either > 0)
    if softmax:
        scores = scores[(truth | chosen).any(axis=0)]
    return float(scores.mean())


def auc(y, prediction, weight, *, softmax: bool) -> float:
    """The area under the ROC curve; the mean over the outputs, for softmax each against the rest.

    That is the chance that a positive row is scored above a negative one, ties counted half
    (Hanley and McNeil 1982). NaN where a prediction is NaN.

    Raises
    ------
    ValueError
        Where a class has no row, or none with a weight above 0.
    """
    truth, _ = _decisions(y, prediction, softmax)
    weight = np.ones(len(y)) if weight is None else weight
    positive, negative = _column_sums(truth, weight), _column_sums(~truth, weight)
    for column in range(truth.shape[1]):
        if softmax and not positive[column]:
            raise ValueError(f"auc needs rows of every class, and y has none of class {column}")
        if not (positive[column] and negative[column]):
            raise ValueError(
                "auc needs rows of both classes for every output, and y has none that is "
                f"{int(positive[column] == 0)} in output {column}"
            )
    if np.isnan(prediction).any():
        return math.nan
    columns = zip(truth.T, prediction.T, strict=True)
    return float(np.mean([_roc_area(positives, scores, weight) for positives, scores in columns]))


def log_loss(y, prediction, weight, *, softmax: bool) -> float:
    """The mean cross-entropy of the probabilities, clipped to [eps, 1 - eps] of their dtype.

    Of several sigmoid outputs the mean.
    """
    eps = float(np.finfo(prediction.dtype).eps)
    p = np.clip(prediction.astype(np.float64), eps, 1 - eps)
    if softmax:
        target = y if y.ndim == 2 else _one_hot(y, p)
        return _mean(-(target * np.log(p)).sum(axis=1), weight)
    return _mean(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean(axis=1), weight)


# An overflow to infinity is what a prediction that has diverged deserves, without a warning.
@np.errstate(over="ignore", invalid="ignore")
def r2(y, prediction, weight) -> float:
    """1 - squared errors / squared deviations of `y` from its mean; the mean over the outputs.

    An output whose `y` is constant counts as 1 where it is predicted exactly, as 0 otherwise.
    NaN for a single row.
    """
    if len(y) < 2:
        return math.nan
    y = y.astype(np.float64)
    errors = _column_sums(_errors(y, prediction) ** 2, weight)
    center = np.average(y, axis=0, weights=weight)
    deviations = _column_sums((y - center) ** 2, weight)
    scores = np.where(errors == 0, 1.0, 0.0)
    varies = deviations > 0
    scores[varies] = 1 - errors[varies] / deviations[varies]
    return float(scores.mean())


@np.errstate(over="ignore")
def mse(y, prediction, weight) -> float:
    """The mean squared error over rows and outputs."""
    return _mean((_errors(y, prediction) ** 2).mean(axis=1), weight)


def mae(y, prediction, weight) -> float:
    """The mean absolute error over rows and outputs."""
    return _mean(np.abs(_errors(y, prediction)).mean(axis=1), weight)


_OF_CLASSES: dict[str, tuple[Callable[..., float], str]] = {
    "accuracy": (accuracy, "max"),
    "balanced_accuracy": (balanced_accuracy, "max"),
    "f1": (f1, "max"),
    "auc": (auc, "max"),
    "log_loss": (log_loss, "min"),
}
_OF_NUMBERS: dict[str, tuple[Callable[..., float], str]] = {
    "r2": (r2, "max"),
    "mse": (mse, "min"),
    "mae": (mae, "min"),
}
# Name -> the function, and whether more of it is better ("max") or less ("min").
METRICS = {**_OF_CLASSES, **_OF_NUMBERS}


def resolve(value, output: str) -> tuple[str, Callable[..., float], str]:
    """The name, the function (y, prediction, weight) -> float, and "max" or "min" of a metric.

    Parameters
    ----------
    value : str or callable
        A name of METRICS that goes with `output`, or metric(y, prediction), which is not given
        the weights. Less of a callable is better, unless it has an attribute `mode`, "max".
    output : str
        The output activation of the network.

    Raises
    ------
    ValueError, TypeError
        Where `value` is nothing of that kind.
    """
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        mode = one_of(getattr(value, "mode", "min"), f"mode of metric {name}", ("max", "min"))
        return name, partial(_number, value, name), mode
    check(value, output)
    function, mode = METRICS[value]
    if value in _OF_CLASSES:
        function = partial(function, softmax=output == "softmax")
    return value, function, mode


def check(name: str, output: str) -> None:
    """Refuse a name that is not a metric's, or whose metric makes no sense for `output`.

    Those of classes need the probabilities of a sigmoid or softmax output. Those of numbers
    compare them with numbers, and softmax has classes instead.
    """
    one_of(name, "monitor", ("loss", *METRICS))
    suitable = METRICS
    if output == "softmax":
        suitable = _OF_CLASSES
    elif output != "sigmoid":
        suitable = _OF_NUMBERS
    if name not in suitable:
        listed = ", ".join(repr(known) for known in ("loss", *suitable))
        raise ValueError(
            f"monitor is {name!r} for a network whose output is {output!r}, "
            f"expected one of {listed}"
        )


def _number(metric: Callable, name: str, y, prediction, weight) -> float:
    value = metric(y, prediction)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"metric {name} returned a {type(value).__name__}, expected a number"
        ) from None


def _decisions(y, prediction, softmax: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which columns are true of each row, and which are predicted: (rows, n_outputs) bool."""
    if not softmax:
        return y > 0.5, prediction > 0.5
    labels = y if y.ndim == 1 else y.argmax(axis=1)
    return _one_hot(labels, prediction), _one_hot(prediction.argmax(axis=1), prediction)


def _one_hot(labels, prediction) -> np.ndarray:
    return labels[:, np.newaxis] == np.arange(prediction.shape[1])


def _recall(truth, chosen, weight) -> np.ndarray:
    """The share of each column's rows that were found, NaN for a column without any."""
    with np.errstate(invalid="ignore"):
        return _column_sums(truth & chosen, weight) / _column_sums(truth, weight)


def _roc_area(positives, scores, weight) -> float:
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weight * positives)
    negative = np.bincount(place, weight * ~positives)
    below = np.cumsum(negative) - negative / 2
    return positive @ below / (positive.sum() * negative.sum())


def _errors(y, prediction) -> np.ndarray:
    return y - prediction.astype(np.float64)


def _column_sums(values, weight) -> np.ndarray:
    return values.sum(axis=0) if weight is None else weight @ values


def _mean(values, weight) -> float:
    return float(np.average(values, weights=weight))
