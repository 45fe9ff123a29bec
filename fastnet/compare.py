"""Every kernel and one training step on both paths: are they equal, and how fast is each?

Each kernel's result is held against the reference run in a wider type, in units of a bound that
follows from the arithmetic: eps, the length of the sums, and the magnitudes that enter them
(N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.5).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np

from . import backend, initialization
from .kernels import catalog
from .plan import Layer, Plan
from .training import Run

# The gradient of one step, relative to its largest entry, in roundings of the dtype:
# 1e-12 in float64.
GRADIENT_ROUNDINGS = 1e-12 / np.finfo(np.float64).eps
TIMING_SECONDS = 0.02
LEARNING_RATE = 0.1


@dataclass
class Result:
    """One line of the comparison; an error above 1 breaks the bound."""

    name: str
    error: float
    reference_seconds: float
    compiled_seconds: float


@dataclass
class Check:
    """A kernel, its arguments, and the bound of each array that it writes.

    bounds : function of the same arguments after an exact run, in the wider type; gives
        {place of the argument: bound}, of which 0 means equal to the last bit.
    """

    module: str
    kernel: str
    label: str
    arguments: tuple
    bounds: Callable[..., dict[int, object]]


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


def kernel_checks(plan: Plan, batch: int, rng: np.random.Generator) -> Iterator[Check]:
    """A check of every kernel, with the shapes that it has in this network."""
    dtype = np.dtype(plan.dtype)

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    for layer in plan.layers:
        yield from _layer_checks(layer, batch, normal, np.finfo(dtype).eps)
    yield from _output_checks(plan, batch, normal, rng)
    yield from _data_checks(plan, batch, normal, rng)


def _layer_checks(layer: Layer, batch: int, normal, eps) -> Iterator[Check]:
    n_in, n_out = layer.n_in, layer.n_out
    a, delta = normal(batch, n_in), normal(batch, n_out)
    weights = normal(n_in + 1, n_out)
    shape = f"{batch}x{n_in}x{n_out}"

    def affine_bound(a, weights, z):
        sums = np.abs(a) @ np.abs(weights[:-1]) + np.abs(weights[-1])
        return {2: eps * (n_in + 2) * sums}

    def gradient_bound(start, a, delta, accumulate, out):
        with_ones = np.hstack([np.abs(a), np.ones_like(a[:, :1])])
        sums = with_ones.T @ np.abs(delta) + (np.abs(start) if accumulate else 0)
        return {3: eps * (batch + 2) * sums}

    def delta_bound(delta, weights, out):
        return {2: eps * (n_out + 1) * (np.abs(delta) @ np.abs(weights[:-1]).T)}

    yield Check("layers", "affine", shape, (a, weights, normal(batch, n_out)), affine_bound)
    for accumulate in (False, True):
        out = normal(n_in + 1, n_out)
        label = f"{shape} accumulate" if accumulate else shape
        yield Check(
            "layers",
            "weight_gradient",
            label,
            (a, delta, accumulate, out),
            lambda *wide, start=out: gradient_bound(start, *wide),
        )
    yield Check("layers", "input_delta", shape, (delta, weights, normal(batch, n_in)), delta_bound)
    # Wide enough to reach both tails.
    z = 20 * normal(batch, n_out)
    for name in catalog.ACTIVATIONS:
        label = f"{batch}x{n_out}"
        yield Check("activations", name, label, (z, normal(batch, n_out)), _ACTIVATION_BOUNDS[name])
        if name in catalog.HIDDEN_ACTIVATIONS:
            arguments = (z, normal(batch, n_out), delta)
            yield Check("activations", f"{name}_backward", label, arguments, _exact(2))


def _output_checks(plan: Plan, batch: int, normal, rng) -> Iterator[Check]:
    n_out = plan.layer_sizes[-1]
    dtype = np.dtype(plan.dtype)
    z = 5 * normal(batch, n_out)
    one_hot = np.eye(n_out, dtype=dtype)[rng.integers(0, n_out, batch)]
    probabilities = rng.random((batch, n_out)).astype(dtype)
    for name in catalog.LOSSES:
        target = one_hot if name == "cross_entropy" else probabilities
        scale = dtype.type(1 / batch)
        arguments = (z, target, scale, normal(batch, n_out), normal(batch))
        bound = _LOSS_BOUNDS[name]
        yield Check("losses", name, f"{batch}x{n_out}", arguments, _with_eps(bound, dtype))


def _data_checks(plan: Plan, batch: int, normal, rng) -> Iterator[Check]:
    n_in, n_out = plan.layer_sizes[0], plan.layer_sizes[-1]
    rows = rng.permutation(batch)
    labels = rng.integers(0, n_out, batch)
    parameters, numbers = normal(plan.size), np.array([LEARNING_RATE])
    eps = np.finfo(plan.dtype).eps

    def sgd_bound(gradient, numbers, updated):
        # Three roundings: of the rate, the product and the sum.
        moved = LEARNING_RATE * np.abs(gradient)
        return {2: 2 * eps * (np.abs(updated) + moved)}

    yield Check(
        "batches",
        "gather_rows",
        f"{batch}x{n_in}",
        (normal(batch, n_in), rows, normal(batch, n_in)),
        _exact(2),
    )
    yield Check(
        "batches",
        "gather_labels",
        f"{batch}x{n_out}",
        (labels, rows, normal(batch, n_out)),
        _exact(2),
    )
    yield Check("shuffling", "shuffle", f"{batch}", (7, 3, rows), _exact(2))
    yield Check(
        "optimizers", "sgd", f"{plan.size}", (normal(plan.size), numbers, parameters), sgd_bound
    )


def _exact(place):
    """Not a bit may differ."""
    return lambda *wide: {place: 0}


def _with_eps(bound, dtype):
    return lambda *wide: bound(np.finfo(dtype).eps, *wide)


def _units_in_last_place(z, exact, count=4):
    """`count` spacings of the narrow type, as wide numbers."""
    narrow = np.float32 if exact.dtype == np.float64 else np.float64
    return {1: count * np.spacing(np.abs(exact).astype(narrow)).astype(exact.dtype)}


def _softmax_bound(z, exact):
    narrow = np.finfo(np.float32 if exact.dtype == np.float64 else np.float64)
    # The rounding of z - max moves exp by that much; then exp, the sum and the quotient.
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    return {1: narrow.eps * (z.shape[1] + 8 + shift) * exact + narrow.smallest_subnormal}


_ACTIVATION_BOUNDS = {
    "relu": _exact(1),
    "sigmoid": _units_in_last_place,
    "softmax": _softmax_bound,
}


def _binary_cross_entropy_bound(eps, z, target, scale, delta, losses):
    n = z.shape[1]
    terms = np.abs(z) * (1 + target) + np.log1p(np.exp(-np.abs(z)))
    share = scale / n
    return {3: 8 * eps * share * (1 + target), 4: eps * (n + 8) * terms.mean(axis=1)}


def _offset_binary_cross_entropy_bound(eps, z, target, scale, delta, losses):
    n = z.shape[1]
    p = delta / scale + target
    log_p, log_q = (np.log(x + catalog.PROBABILITY_OFFSET) for x in (p, 1 - p))
    # 1 - p + offset is as wrong as its parts of size 1 and is divided by where log is taken.
    lost = 4 / (1 - p + catalog.PROBABILITY_OFFSET)
    terms = target * (np.abs(log_p) + 8) + (1 - target) * (np.abs(log_q) + lost)
    return {3: 8 * eps * scale * (1 + target), 4: eps * (n + 8) * terms.mean(axis=1)}


def _cross_entropy_bound(eps, z, target, scale, delta, losses):
    n = z.shape[1]
    p = delta / scale + target
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    terms = np.abs(losses) + 2 * np.abs(z).max(axis=1) + 1
    return {
        3: eps * scale * ((n + 8 + shift) * p + 4 * target),
        4: eps * (n + 8) * terms,
    }


_LOSS_BOUNDS = {
    "binary_cross_entropy": _binary_cross_entropy_bound,
    "offset_binary_cross_entropy": _offset_binary_cross_entropy_bound,
    "cross_entropy": _cross_entropy_bound,
}


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
    run = Run(
        batch_size=len(X),
        shuffle=False,
        key=0,
        loss=plan.loss if optimizer else plan.drop_in_loss,
        optimizer=optimizer or "sgd",
        update_each_layer=optimizer is None,
        numbers=np.array([LEARNING_RATE]),
        gradient=np.zeros_like(parameters),
        order=np.arange(len(X)),
    )
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
    for _ in range(1000):
        parameters = initialization.he_normal(plan, lambda *shape: rng.standard_normal(shape))
        parameters += 0.1 * rng.standard_normal(plan.size).astype(plan.dtype)
        X = rng.standard_normal((batch, n_in)).astype(plan.dtype)
        narrow = reference.forward(plan, parameters, X)[0]
        exact = reference.forward(plan, parameters.astype(wide), X.astype(wide))[0]
        if all(
            (np.abs(z) > 8 * np.abs(z - computed).max()).all()
            for z, computed in zip(exact[1:-1], narrow[1:-1], strict=True)
        ):
            break
    else:
        raise ValueError(f"no batch of {batch} rows keeps clear of the kink of ReLU")
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
