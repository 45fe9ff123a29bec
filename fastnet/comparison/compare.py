"""Every kernel and one training step on both paths: are they equal, and how fast is each?

Each result is held against the reference run in a wider type, in units of its bound.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from types import ModuleType

import numpy as np

from .. import backend, buffers
from ..plan import Plan
from ..training.run import Run
from .bounds import BOUNDS
from .checks import KEY, OPTIMIZERS, Check, kernel_checks
from .problem import problem, wider

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
    plan: Plan, batch: int, seed: int = 0, optimizer: str | None = None
) -> Iterator[Result]:
    """Compare kernel by kernel, then the gradient and one step of training.

    optimizer : the kernel of the one whose step is compared; None for all, and the drop-in's own
        update where the network has one.
    """
    rng = np.random.default_rng(seed)
    for check in kernel_checks(plan, batch, rng):
        yield run_check(check, plan.dtype)
    yield from compare_step(plan, batch, rng, optimizer)


def run_check(check: Check, dtype: str) -> Result:
    """Run one kernel exactly, on the reference and on the compiled path."""
    reference = getattr(backend.load("reference", check.module), check.kernel)
    before, after = (_copies(check.arguments, wider(dtype)) for _ in range(2))
    narrow, spare = _copies(check.arguments), _copies(check.arguments)
    with np.errstate(all="ignore"):
        reference(*after)
        allowed = BOUNDS[check.kernel](np.finfo(dtype), before, after)
    run, finish = backend.load("compiled", "rows").prepare(check.kernel, *narrow)
    run()
    finish()
    error = max(_excess(narrow[place], after[place], bound) for place, bound in allowed.items())
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
    """The shortest of many runs; each goes on from the last one's result, which may overflow."""
    best, end = float("inf"), perf_counter() + TIMING_SECONDS
    with np.errstate(all="ignore"):
        while True:
            began = perf_counter()
            function()
            now = perf_counter()
            best = min(best, now - began)
            if now >= end:
                return best


def compare_step(
    plan: Plan, batch: int, rng: np.random.Generator, optimizer: str | None = None
) -> Iterator[Result]:
    """The gradient, and one step of each kind of training or of one, on both paths."""
    parameters, X, targets = problem(plan, batch, rng)
    paths = backend.load("reference"), backend.load("compiled")
    yield _compare_gradient(paths, plan, parameters, X, targets)
    drop_in = [None] if plan.drop_in_loss else []
    for chosen in [optimizer] if optimizer else [*drop_in, *OPTIMIZERS]:
        yield _compare_update(paths, plan, parameters, X, targets, chosen)


def _compare_gradient(paths, plan, parameters, X, targets) -> Result:
    exact, computed = parameters.astype(wider(plan.dtype)), parameters.copy()
    for path, vector in zip(paths, (exact, computed), strict=True):
        path.gradient(plan, vector.copy(), X, targets, vector)
    spare = np.empty_like(parameters)
    seconds = (
        best_seconds(functools.partial(path.gradient, plan, parameters, X, targets, spare))
        for path in paths
    )
    return Result("gradient", _excess(computed, exact, _gradient_bound(plan, exact)), *seconds)


def _gradient_bound(plan: Plan, exact: np.ndarray) -> float:
    return GRADIENT_ROUNDINGS * np.finfo(plan.dtype).eps * np.abs(exact).max()


def _compare_update(paths, plan, parameters, X, targets, optimizer) -> Result:
    exact, computed = parameters.astype(wider(plan.dtype)), parameters.copy()
    data = X, targets, optimizer
    run, step = one_step(paths[0], plan, exact, *data)
    step()
    one_step(paths[1], plan, computed, *data)[1]()
    bound = _update_bound(plan, parameters.astype(exact.dtype), run)
    seconds = (best_seconds(one_step(path, plan, parameters.copy(), *data)[1]) for path in paths)
    label = f"training step {optimizer or 'drop-in'}"
    return Result(label, _excess(computed, exact, bound), *seconds)


def _update_bound(plan: Plan, parameters: np.ndarray, run: Run) -> np.ndarray:
    """What the optimizer makes of a gradient that is as wrong as it may be.

    Its first update grows with the gradient, so that the ends of an interval say all.
    """
    eps = np.finfo(plan.dtype).eps
    off = _gradient_bound(plan, run.gradient)
    updated = [_updated(run, run.gradient + error, parameters) for error in (0, off, -off)]
    moved = np.abs(updated[0] - parameters)
    bound = np.max(np.abs(updated[1:] - updated[0]), axis=0)
    bound += eps * (4 * np.abs(parameters) + 16 * moved)
    if plan.max_norm:
        # Units of a shorter norm are no further apart than before, as vectors.
        for weights in buffers.weights(plan, bound)[:-1]:
            weights[...] = np.sqrt(np.square(weights).sum(axis=0))
            weights += 8 * eps * plan.max_norm
    return bound


def _updated(run: Run, gradient: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The parameters after the run's first step with this gradient."""
    optimizer, result = OPTIMIZERS[run.optimizer], parameters.copy()
    kernel = getattr(backend.load("reference", "optimizers"), run.optimizer)
    state = optimizer.first_state(len(result), result.dtype)
    kernel(gradient, optimizer.numbers(), 1, state, result)
    return result


def one_step(
    path: ModuleType,
    plan: Plan,
    parameters: np.ndarray,
    X: np.ndarray,
    targets: np.ndarray,
    optimizer: str | None,
) -> tuple[Run, Callable[[], object]]:
    """(run, function that takes its first step on all rows); None is the drop-in's own update."""
    chosen = OPTIMIZERS[optimizer or "sgd"]
    run = Run(
        loss=plan.loss_kernel if optimizer else plan.drop_in_loss,
        optimizer=chosen.kernel,
        numbers=chosen.numbers(),
        state=chosen.first_state(plan.size, parameters.dtype),
        gradient=np.zeros_like(parameters),
        order=np.arange(len(X), dtype=np.int64),
        batch_size=len(X),
        total_weight=float(len(X)),
        rates=chosen.numbers()[:1],
        update_each_layer=optimizer is None,
        key=KEY,
    )
    train = path.trainer(plan, parameters, X, targets, run, np.zeros(1))

    def step():
        run.position[:] = 0
        train(1, len(X))

    return run, step


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
