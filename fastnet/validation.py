"""User input to arrays of the network's dtype, or one sentence that says what is wrong."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

DTYPES = ("float64", "float32")
# Of data that may be larger than the memory, so many numbers are looked at at a time.
BLOCK_NUMBERS = 2**20


def one_of(value, name: str, known: Iterable[str]) -> str:
    """`value` if it is one of the known names."""
    listed = ", ".join(repr(item) for item in known)
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}, expected one of {listed}")
    if value not in known:
        # Imported here: it would be a twentieth of the time of `import fastnet`.
        from difflib import get_close_matches

        near = get_close_matches(value, list(known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} is {value!r}, expected one of {listed}{hint}")
    return value


def kind_of(value) -> str:
    """How a message names a value of the wrong type: "the class Adam" or "a str"."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def dtype_name(value) -> str:
    """'float64' or 'float32', from the name or anything NumPy takes for these types."""
    if isinstance(value, str):
        return one_of(value, "dtype", DTYPES)
    try:
        return one_of(np.dtype(value).name, "dtype", DTYPES)
    except TypeError:
        raise TypeError(
            f"dtype is a {type(value).__name__}, expected 'float64' or 'float32'"
        ) from None


def whole_number(value, name: str, least: int) -> int:
    """`value` as an int, at least `least`. A bool is not a number here."""
    expected = f"expected a whole number of at least {least}"
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}, a bool, {expected}")
    try:
        number = operator.index(value)
    except TypeError:
        shown = "" if isinstance(value, np.ndarray) else f"{value!r}, "
        raise TypeError(f"{name} is {shown}a {type(value).__name__}, {expected}") from None
    if number < least:
        raise ValueError(f"{name} is {number}, {expected}")
    return number


def threads(value) -> int | None:
    """`n_threads`: None for as many as pay."""
    return None if value is None else whole_number(value, "n_threads", 1)


def epochs(value) -> int:
    """A whole number of epochs whose losses fit into this machine's memory."""
    number = whole_number(value, "epochs", 0)
    if number * 8 > memory_bytes():
        raise ValueError(f"epochs is {number}, expected as many losses as fit into memory")
    return number


def flag(value, name: str) -> bool:
    """True or False, also as 1 or 0."""
    if not isinstance(value, (bool, np.bool_, int, np.integer)):
        raise TypeError(f"{name} is of type {type(value).__name__}, expected True or False")
    return bool(value)


def number(
    value,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """`value` as a finite float within these limits."""
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("of at least", least), ("above", above), ("below", below))
        if limit is not None
    ]
    expected = " ".join(["expected a finite number", " and ".join(limits)]).strip()
    if isinstance(value, (bool, np.bool_, str, bytes)) or getattr(value, "shape", ()) != ():
        raise TypeError(f"{name} is a {type(value).__name__}, {expected}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is a {type(value).__name__}, {expected}") from None
    except OverflowError:
        number = math.inf
    if (
        not math.isfinite(number)
        or (least is not None and number < least)
        or (above is not None and number <= above)
        or (below is not None and number >= below)
    ):
        raise ValueError(f"{name} is {number}, {expected}")
    return number


def learning_rate(value, dtype: str) -> float:
    """A finite number that is not negative."""
    rate = number(value, "learning_rate", least=0)
    if rate > float(np.finfo(dtype).max):
        raise ValueError(f"learning_rate is {rate}, expected a number that {dtype} can hold")
    return rate


def layer_sizes(value, dtype: str) -> tuple[int, ...]:
    """At least two positive whole numbers whose network fits into this machine's memory."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(
            f"layer_sizes is a {type(value).__name__}, expected a sequence of at least two "
            "whole numbers"
        )
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise ValueError(
            f"layer_sizes has shape {value.shape}, expected a sequence of at least two "
            "whole numbers"
        )
    if len(value) < 2:
        raise ValueError(
            f"layer_sizes has {len(value)} numbers, expected at least two: inputs and outputs"
        )
    sizes = tuple(whole_number(size, f"layer_sizes[{i}]", 1) for i, size in enumerate(value))
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    # The parameters, and beside them the float64 draw of a layer or the gradient.
    needed = count * (np.dtype(dtype).itemsize + 8)
    memory = memory_bytes()
    if needed > memory:
        raise ValueError(
            f"layer_sizes {list(sizes)} make {count} parameters, which need "
            f"{needed // 2**30} GiB; this machine has {memory / 2**30:.1f} GiB"
        )
    return sizes


def memory_bytes() -> float:
    """The machine's memory, or infinity where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf


def rng(seed):
    """None, or a NumPy generator from an int or a generator."""
    if seed is None or isinstance(seed, np.random.Generator):
        return seed
    try:
        return np.random.default_rng(whole_number(seed, "seed", 0))
    except TypeError:
        raise TypeError(
            f"seed is a {type(seed).__name__}, expected a whole number or a numpy.random.Generator"
        ) from None


def array_of_shape(value, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
    """`value` as numbers of exactly this shape; they may be infinite."""
    array = _numbers(value, name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    lost = np.isfinite(array) & ~np.isfinite(converted)
    if lost.any():
        raise _too_large(array[lost], name, dtype)
    return converted


def inputs(X, n_in: int, dtype: str, *, row_allowed: bool, name: str = "X") -> np.ndarray:
    """X as (rows, n_in) finite numbers that the network's dtype can hold.

    X itself where the kernels can fetch a batch of it at a time; else a copy.
    """
    array = _numbers(X, name)
    if array.ndim == 1 and row_allowed and len(array) == n_in:
        array = array.reshape(1, n_in)
    if array.ndim == 1:
        hint = f"{name}.reshape(1, -1) for one row of {n_in} numbers"
        if n_in == 1:
            hint = f"{name}.reshape(-1, 1) for rows of one number"
        raise ValueError(f"{name} has shape {array.shape}, expected (rows, {n_in}); use {hint}")
    if array.ndim != 2 or array.shape[1] != n_in:
        raise ValueError(f"{name} has shape {array.shape}, expected (rows, {n_in})")
    if len(array) == 0:
        raise ValueError(f"{name} has no rows, expected shape (rows, {n_in}) with at least one row")
    return _finite(array, name, dtype)


def targets(y, rows: int, plan, name: str = "y") -> np.ndarray:
    """y as (rows, n_out) numbers, or as (rows,) int64 labels where the network takes these.

    Numbers are in the range that the loss is made for: [0, 1] for cross-entropies, rows that sum
    to 1 for softmax, at least 0 for poisson.
    """
    array = _numbers(y, name)
    n_out, repeats = plan.layer_sizes[-1], plan.outputs_per_target
    columns = n_out // repeats
    if plan.takes_labels and array.ndim == 1:
        return _labels(array, rows, n_out, name)
    shape = f"({rows}, {columns})"
    if plan.takes_labels:
        shape += f" or ({rows},) for labels"
    elif columns == 1:
        shape += f" or ({rows},)"
        if array.ndim == 1:
            array = array.reshape(-1, 1)
    if array.shape != (rows, columns):
        raise ValueError(f"{name} has shape {np.shape(y)}, expected {shape}")
    array = _finite(array, name, plan.dtype)
    _check_range(array, plan, name)
    return np.repeat(array, repeats, axis=1) if repeats > 1 else array


def _check_range(array: np.ndarray, plan, name: str) -> None:
    lowest, highest = array.min(), array.max()
    if plan.takes_labels or plan.loss == "binary_cross_entropy":
        if lowest < 0 or highest > 1:
            raise ValueError(
                f"{name} has values from {lowest} to {highest}, "
                "expected all in [0, 1] for cross-entropy"
            )
    elif plan.loss == "poisson" and lowest < 0:
        raise ValueError(f"{name} has values from {lowest}, expected none below 0 for poisson")
    if plan.takes_labels:
        sums = array.sum(axis=1, dtype=np.float64)
        if np.abs(sums - 1).max() > math.sqrt(np.finfo(plan.dtype).eps):
            raise ValueError(
                f"{name} has a row that sums to {sums[np.abs(sums - 1).argmax()]}, "
                "expected one-hot rows, which sum to 1"
            )


def _labels(array: np.ndarray, rows: int, n_out: int, name: str) -> np.ndarray:
    if array.dtype.kind == "f":
        raise TypeError(
            f"{name} has dtype {array.dtype}, expected whole numbers for labels of shape ({rows},)"
        )
    if len(array) != rows:
        raise ValueError(f"{name} has {len(array)} labels, expected {rows}, one for each row of X")
    if array.min() < 0 or array.max() >= n_out:
        raise ValueError(
            f"{name} has labels from {array.min()} to {array.max()}, expected 0 to {n_out - 1}"
        )
    # A copy: labels are places in memory to the kernels, and must stay what was checked.
    return np.array(array, dtype=np.int64)


def _numbers(value, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{name} is a {type(value).__name__} of rows of different lengths, "
            "expected rows of one length"
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers")
    return array


def _too_large(array: np.ndarray, name: str, dtype) -> ValueError:
    # str, because a long double is formatted as a double.
    largest = str(np.abs(array).max())
    return ValueError(f"{name} has {largest}, expected numbers that {dtype} can hold")


def _finite(array: np.ndarray, name: str, dtype: str) -> np.ndarray:
    """Finite numbers that `dtype` can hold, as they are where a kernel can fetch them."""
    # What the kernels fetch a batch of at a time; other types are converted whole.
    is_fetched = array.dtype.kind in "bui" or array.dtype.char in "df"
    if (
        not is_fetched
        or not array.dtype.isnative
        or any(stride % array.itemsize for stride in array.strides)
    ):
        # Overflow is what the check below is for.
        with np.errstate(over="ignore"):
            array, given = np.ascontiguousarray(array, dtype=dtype), array
    else:
        given = array
        # bool is 0 and 1 of a byte.
        array = array.view(np.uint8) if array.dtype == bool else array
    if array.dtype.kind == "f":
        # A block at a time: the data may be a file that is larger than the memory.
        for first in range(0, len(array), max(1, BLOCK_NUMBERS // array.shape[1])):
            block = slice(first, first + max(1, BLOCK_NUMBERS // array.shape[1]))
            with np.errstate(over="ignore", invalid="ignore"):
                converted = array[block].astype(dtype, copy=False)
                suspicious = not np.isfinite(converted.sum())
            if suspicious and not np.isfinite(converted).all():
                if np.isfinite(given[block]).all():
                    raise _too_large(given[block], name, dtype)
                raise ValueError(f"{name} has a NaN or an infinity, expected finite numbers")
    return array
