"""The rows that a network is trained or measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from .. import validation
from ..plan import Plan


@dataclass(frozen=True)
class Data:
    """Inputs, targets, and what each row counts; the arrays are the user's own where possible.

    Attributes
    ----------
    X : ndarray, (all rows, n_0)
    targets : ndarray, (all rows, n_L), or (all rows,) int64 labels
    weights : ndarray, (all rows,) float64, or None where every row counts the same
    rows : ndarray of int64, or None
        The rows that are meant, by number; None for all.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None
    rows: np.ndarray | None = None

    @classmethod
    def of(cls, plan: Plan, X, y, sample_weight=None, class_weight=None, name: str = "") -> Data:
        """What the user gave, checked; `name` stands before X and y in messages."""
        X = validation.inputs(
            X, plan.layer_sizes[0], plan.dtype, row_allowed=False, name=f"{name}X"
        )
        targets = validation.targets(y, len(X), plan, f"{name}y")
        weights = None
        if sample_weight is not None:
            weights = _sample_weight(sample_weight, len(X), f"{name}sample_weight")
        if class_weight is not None:
            of_class = _class_weight(class_weight, plan, targets)
            weights = of_class if weights is None else weights * of_class
            if not weights.any():
                raise ValueError("sample_weight and class_weight leave no row a weight above 0")
        return cls(X, targets, weights)

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    @property
    def order(self) -> np.ndarray:
        """The numbers of the rows that are meant, a vector of its own."""
        if self.rows is None:
            return np.arange(len(self.X), dtype=np.int64)
        return self.rows.copy()

    @property
    def total_weight(self) -> float:
        """What all the rows weigh together."""
        if self.weights is None:
            return float(len(self))
        return float((self.weights if self.rows is None else self.weights[self.rows]).sum())

    def count_of(self, fraction: float) -> int:
        """How many rows a fraction of those is that weigh anything."""
        weighty = len(self) if self.weights is None else np.count_nonzero(self.weights)
        return round(fraction * weighty)

    def split(self, fraction: float, order: np.ndarray) -> tuple[Data, Data]:
        """(training, held out) rows; of each label its share, where the targets are labels.

        Rows of weight 0 are not held out: the others must weigh something.

        order : a random permutation of all rows.
        """
        weighty = order if self.weights is None else order[self.weights[order] > 0]
        groups = [weighty]
        if self.targets.ndim == 1:
            labels = self.targets[weighty]
            groups = [weighty[labels == label] for label in np.unique(labels)]
        is_held_out = np.zeros(len(order), bool)
        count, passed, taken = self.count_of(fraction), 0, 0
        for group in groups:
            # What rounding takes or leaves of a group is made up for by the next.
            passed += len(group)
            due = round(count * passed / len(weighty))
            is_held_out[group[: due - taken]] = True
            taken = due
        training, measured = (
            replace(self, rows=np.flatnonzero(part)) for part in (~is_held_out, is_held_out)
        )
        return training, measured


def validation_set(plan: Plan, data: Data, value) -> Data | float | None:
    """The validation set, or the fraction of the rows that it shall be, or None."""
    if value is None:
        return None
    expected = "expected (X, y), (X, y, sample_weight) or a fraction"
    if isinstance(value, (tuple, list)):
        if len(value) not in (2, 3):
            raise ValueError(f"validation has {len(value)} parts, {expected}")
        weight = value[2] if len(value) == 3 else None
        return Data.of(plan, value[0], value[1], weight, name="validation ")
    if not isinstance(value, Real):
        raise TypeError(f"validation is a {type(value).__name__}, {expected}")
    fraction = validation.number(value, "validation", above=0, below=1)
    if not 0 < data.count_of(fraction) < data.count_of(1):
        raise ValueError(
            f"validation is {fraction:g} of {data.count_of(1)} rows, expected a fraction that "
            "leaves at least one row on either side"
        )
    return fraction


def rows_left(data: Data, held_out: Data | float | None) -> int:
    """How many rows there are to train on."""
    if isinstance(held_out, float):
        return len(data) - data.count_of(held_out)
    return len(data)


def _sample_weight(value, rows: int, name: str) -> np.ndarray:
    weights = validation.array_of_shape(value, name, (rows,), np.float64)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        raise ValueError(f"{name} has {weights[wrong][0]}, expected finite numbers of at least 0")
    if not weights.any():
        raise ValueError(f"{name} is 0 everywhere, expected a weight above 0")
    return _scaled(weights)


def _class_weight(value, plan: Plan, targets: np.ndarray) -> np.ndarray:
    """The weight of each row's class."""
    labels = _classes(plan, targets)
    n_classes = max(plan.layer_sizes[-1], 2)
    if isinstance(value, str):
        validation.one_of(value, "class_weight", ("balanced",))
        counts = np.bincount(labels, minlength=n_classes)
        present = counts > 0
        weights = np.zeros(n_classes)
        weights[present] = len(labels) / (present.sum() * counts[present])
        return weights[labels]
    if not isinstance(value, dict):
        raise TypeError(
            f"class_weight is a {type(value).__name__}, expected 'balanced' or a dict of "
            "label: weight"
        )
    weights = np.ones(n_classes)
    for label, weight in value.items():
        place = validation.whole_number(label, "a label of class_weight", 0)
        if place >= n_classes:
            raise ValueError(f"class_weight has label {place}, expected 0 to {n_classes - 1}")
        weights[place] = validation.number(weight, f"class_weight[{place}]", least=0)
    return _scaled(weights[labels])


def _scaled(weights: np.ndarray) -> np.ndarray:
    """A copy, divided by a power of 2, which no mean notices, so that no sum of them overflows."""
    return np.ldexp(weights, -np.frexp(weights.max())[1])


def _classes(plan: Plan, targets: np.ndarray) -> np.ndarray:
    """The class of each row."""
    if targets.ndim == 1:
        return targets
    is_binary = plan.output == "sigmoid" and targets.shape[1] == 1
    if not (is_binary or plan.takes_labels) or not np.isin(targets, (0, 1)).all():
        raise ValueError(
            "class_weight needs one class a row: labels or one-hot rows for softmax, "
            "0 or 1 for a single sigmoid output"
        )
    return targets[:, 0].astype(np.int64) if is_binary else targets.argmax(axis=1)
