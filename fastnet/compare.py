"""Every kernel and one training step on both paths: are they equal, and how fast is each?

Each result is held against the reference run in a wider type, in units of its bound.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np

from . import backend, initialization
from .checks import LEARNING_RATE, Check, kernel_checks
from .kernels import catalog
from .plan import Plan
from .training import Run

# The gradient of one step, relative to its largest entry, in roundings of the dtype:
# 1e-12 in float64.
GRADIENT_ROUNDINGS = 1e-12 / np.finfo(np.float64).eps
TIMING_SECONDS = 0.02


@dataclass
class Result:
    """One line of the comparison; an error above 1 breaks the bound."""

    name: str
    error: float
    reference_seconds: float
    compiled_seconds: float


def compare(
    layer_sizes: tuple[int, ...], batch: int, dtype: str, output: str, seed: int = 0
) -> Iterator[Result]:
    """Compare kernel by kernel, then the gradient and one step of training."""
    plan = Plan.of(layer_sizes, output, dtype)
    rng = np.random.default_rng(seed)
    for check in kernel_checks(plan, batch, rng):
        yield run_check(check, dtype)
    yield from compare_step(plan, batch, rng)


def wider(dtype: str) -> type:
    """A type with room for the exact result of one in `dtype`."""
    return np.float64 if dtype == "float32" else np.longdouble


def run_check(check: Check, dtype: str) -> Result:
    """Run one kernel exactly, on the reference and on the compiled path."""
    reference = getattr(backend.load("reference", check.module), check.kernel)
    wide = _copies(check.arguments, wider(dtype))
    with np.errstate(all="ignore"):
        reference(*wide)
        bounds = check.bounds(*wide)
    narrow = _copies(check.arguments)
    run, finish = backend.load("compiled", "rows").prepare(check.kernel, *narrow)
    run()
    finish()
    error = max(_excess(narrow[place], wide[place], bound) for place, bound in bounds.items())
    spare = _copies(check.arguments)
    seconds = best_seconds(lambda: reference(*spare)), best_seconds(run)
    return Result(f"{check.kernel} {check.label}", error, *seconds)


def _copies(arguments, real=None):
    """Arrays copied, those of reals as `real` if given."""
    copies = []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            keeps = real is None or argument.dtype.kind != "f"
            argument = argument.astype(argument.dtype if keeps else real)
        copies.append(argument)
    return copies


def _excess(computed, exact, bound) -> float:
    """The largest error in units of the bound."""
    error = np.abs(computed.astype(exact.dtype) - exact)
    if not np.isfinite(error).all():
        return float("inf")
    bound = np.broadcast_to(bound, error.shape)
    where = error > 0
    with np.errstate(divide="ignore"):
        return float(np.max(error[where] / bound[where], initial=0))


def best_seconds(function: Callable[[], object]) -> float:
    """The shortest of many runs."""
    best, end = float("inf"), perf_counter() + TIMING_SECONDS
    while True:
        began = perf_counter()
        function()
        now = perf_counter()
        best = min(best, now - began)
        if now >= end:
            return best


def compare_step(plan: Plan, batch: int, rng: np.random.Generator) -> Iterator[Result]:
    """The gradient, and one step of each kind of training, on both paths."""
    parameters, X, targets = problem(plan, batch, rng)
    reference, compiled = backend.load("reference"), backend.load("compiled")
    wide = wider(plan.dtype)
    exact: np.ndarray = np.empty(plan.size, wide)
    computed = np.empty_like(parameters)
    wide_targets = targets if targets.ndim == 1 else targets.astype(wide)
    reference.gradient(plan, parameters.astype(wide), X.astype(wide), wide_targets, exact)
    compiled.gradient(plan, parameters, X, targets, computed)
    bound = GRADIENT_ROUNDINGS * np.finfo(plan.dtype).eps * np.abs(exact).max()
    error, spare = _excess(computed, exact, bound), np.empty_like(parameters)
    seconds = (
        best_seconds(functools.partial(path.gradient, plan, parameters, X, targets, spare))
        for path in (reference, compiled)
    )
    yield Result("gradient", error, *seconds)

    for optimizer in (None, *catalog.OPTIMIZERS):
        exact = parameters.astype(wide)
        _one_step(reference, plan, exact, X.astype(wide), wide_targets, optimizer)()
        computed = parameters.copy()
        _one_step(compiled, plan, computed, X, targets, optimizer)()
        # Delta passes through updated weights in the drop-in's step, and moves as they do.
        moved = GRADIENT_ROUNDINGS * np.abs(exact - parameters).max() + 2 * np.abs(exact)
        bound = np.finfo(plan.dtype).eps * moved
        seconds = (
            best_seconds(_one_step(path, plan, parameters.copy(), X, targets, optimizer))
            for path in (reference, compiled)
        )
        label = "training step" + (f" {optimizer}" if optimizer else "")
        yield Result(label, _excess(computed, exact, bound), *seconds)


def _one_step(path, plan, parameters, X, targets, optimizer):
    """A function that takes one step on all rows."""
    run = Run.of(plan, parameters, len(X), optimizer, LEARNING_RATE)
    train = path.trainer(plan, parameters, X, targets, run, np.zeros(1))
    return lambda: train(0, 1)


def problem(plan: Plan, batch: int, rng: np.random.Generator):
    """Parameters, inputs and targets in which rounding does not decide what ReLU does.

    The derivative jumps at 0, so a logit nearer to 0 than its own error would say nothing
    about either path; such draws are drawn again.
    """
    reference = backend.load("reference")
    wide = wider(plan.dtype)
    n_in, n_out = plan.layer_sizes[0], plan.layer_sizes[-1]
    parameters = initialization.he_normal(plan, lambda *shape: rng.standard_normal(shape))
    parameters += 0.1 * rng.standard_normal(plan.size).astype(plan.dtype)
    X = np.empty((batch, n_in), plan.dtype)
    redrawn = np.ones(batch, bool)
    while redrawn.any():
        X[redrawn] = rng.standard_normal((redrawn.sum(), n_in))
        narrow = reference.forward(plan, parameters, X)[0]
        exact = reference.forward(plan, parameters.astype(wide), X.astype(wide))[0]
        redrawn[:] = False
        for z, computed in zip(exact[1:-1], narrow[1:-1], strict=True):
            error = np.abs(z - computed).max()
            redrawn |= (np.abs(z) <= 8 * error).any(axis=1)
    if plan.takes_labels:
        return parameters, X, rng.integers(0, n_out, batch)
    return parameters, X, rng.integers(0, 2, (batch, n_out)).astype(plan.dtype)


def as_dicts(results: list[Result]) -> list[dict]:
    """For machines."""
    return [asdict(result) for result in results]


def as_text(results: list[Result]) -> str:
    """A table: error in units of the bound, microseconds on both paths, and their ratio."""
    width = max(len(result.name) for result in results)
    lines = [f"{'kernel':{width}}  error/bound  reference us  compiled us  ratio"]
    for result in results:
        ratio = result.reference_seconds / result.compiled_seconds
        lines.append(
            f"{result.name:{width}}  {result.error:11.3f}  {1e6 * result.reference_seconds:12.1f}"
            f"  {1e6 * result.compiled_seconds:11.1f}  {ratio:5.1f}"
        )
    return "\n".join(lines)
