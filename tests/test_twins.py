"""Every compiled kernel against its NumPy twin, within the bound that its arithmetic sets."""

import dataclasses

import mpmath
import numpy as np
import pytest

from fastnet import backend
from fastnet.architecture import plan_of
from fastnet.comparison.bounds import BOUNDS
from fastnet.comparison.checks import kernel_checks
from fastnet.comparison.compare import compare_step, run_check
from fastnet.comparison.problem import problem
from fastnet.kernels import catalog
from fastnet.plan import Plan
from fastnet.training.data import Data

# Around the edges of a tile: 1, one vector and a tile of 8 to 32 rows, 6 or 12 features.
SHAPES = [
    ([2, 4, 1], 4),
    ([784, 128, 10], 33),
    ([1, 1], 1),
    ([3, 17, 5, 2], 7),
    ([64, 32, 10], 32),
    ([12, 13, 11], 31),
    ([31, 33, 32], 17),
    ([6, 5, 7, 6], 65),
    ([16, 15, 17], 16),
    ([8, 9, 64], 500),
]
LOSSES = [(loss, output) for loss, outputs in catalog.OUTPUTS_OF_LOSS.items() for output in outputs]
# What a network takes as it is; see `validation.inputs`.
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
FETCHED = ["bool", *INTEGERS, "float32", "float64"]
PLAIN = {"dropout": 0, "l1": 0, "l2": 0, "max_norm": None}
REGULARIZED = {"dropout": [0.2, 0.5, 0.3], "l1": 0.01, "l2": 0.1, "max_norm": 1.5}


@pytest.fixture(autouse=True)
def no_timing(monkeypatch):
    monkeypatch.setattr("fastnet.comparison.compare.best_seconds", lambda function: 0.0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("layer_sizes", "batch"), SHAPES)
def test_kernels_and_a_step_keep_their_bounds(layer_sizes, batch, dtype):
    output = "softmax" if layer_sizes[-1] > 1 else "sigmoid"
    plan = Plan.of(tuple(layer_sizes), output, dtype)
    rng = np.random.default_rng(batch)
    seen = set()
    for check in kernel_checks(plan, batch, rng):
        result = run_check(check, dtype)
        assert result.error <= 1, result
        seen.add(check.kernel)
    assert seen == set(BOUNDS)
    for result in compare_step(plan, batch, rng):
        assert result.error <= 1, result


def small_plan(dtype, hidden="tanh", output="softmax", loss=None, options=PLAIN):
    choices = {"hidden": hidden, "output": output, "loss": loss, **options}
    return plan_of([5, 7, 6, 3], dtype=dtype, backend="compiled", **choices)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", [PLAIN, REGULARIZED], ids=["plain", "regularized"])
@pytest.mark.parametrize(("loss", "output"), LOSSES)
def test_a_step_of_each_loss_keeps_its_bound(loss, output, options, dtype):
    plan = small_plan(dtype, output=output, loss=loss, options=options)
    results = list(compare_step(plan, 33, np.random.default_rng(1)))
    assert len(results) == 1 + len(catalog.OPTIMIZERS) + bool(plan.drop_in_loss)
    for result in results:
        assert result.error <= 1, result


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", catalog.HIDDEN_ACTIVATIONS)
def test_a_step_of_each_activation_keeps_its_bound(hidden, dtype):
    for options in (PLAIN, REGULARIZED):
        plan = small_plan(dtype, hidden, options=options)
        for result in compare_step(plan, 33, np.random.default_rng(2)):
            assert result.error <= 1, result


@pytest.mark.parametrize(("loss", "output"), LOSSES)
def test_a_problem_is_what_a_user_may_ask(loss, output):
    plan = small_plan("float32", output=output, loss=loss)
    parameters, X, targets = problem(plan, 9, np.random.default_rng(0))
    data = Data.of(plan, X, targets)
    assert data.X.shape == (9, 5)
    assert np.array_equal(data.targets, targets)
    assert parameters.dtype == X.dtype == np.float32


@pytest.mark.parametrize("kernel", BOUNDS)
def test_a_wrong_kernel_breaks_its_bound(kernel, monkeypatch):
    """The bounds can fail: a result that is off by a few thousand roundings is caught.

    In each array that the kernel writes.
    """
    plan = Plan.of((6, 5, 3), "softmax", "float64")
    checks = [c for c in kernel_checks(plan, 30, np.random.default_rng(0)) if c.kernel == kernel]
    assert checks
    rows = backend.load("compiled", "rows")
    right = rows.prepare
    for check in checks:
        for place in written(check):

            def wrong(name, *arguments, place=place):
                run, finish = right(name, *arguments)

                def spoil():
                    finish()
                    spoiled = arguments[place]
                    is_order = spoiled.dtype.kind == "i"
                    spoiled[...] = spoiled[::-1].copy() if is_order else spoiled * (1 + 1e-12)

                return run, spoil

            monkeypatch.setattr(rows, "prepare", wrong)
            assert run_check(check, "float64").error > 1, (check.label, place)


def written(check):
    """The places of the arguments that the kernel writes, those of no numbers left out."""
    wide = [a.copy() if isinstance(a, np.ndarray) else a for a in check.arguments]
    with np.errstate(all="ignore"):
        places = BOUNDS[check.kernel](np.finfo(np.float64), wide, wide)
    return [place for place in places if check.arguments[place].size]


def test_a_wrong_gradient_breaks_its_bound(monkeypatch):
    compiled = backend.load("compiled")
    right = compiled.gradient

    def wrong(plan, parameters, X, targets, out, weights=None):
        right(plan, parameters, X, targets, out, weights)
        out *= 1 + 2e-12

    monkeypatch.setattr(compiled, "gradient", wrong)
    gradient = next(compare_step(small_plan("float64"), 33, np.random.default_rng(0)))
    assert gradient.error > 1


@pytest.mark.parametrize("options", [PLAIN, REGULARIZED], ids=["plain", "regularized"])
def test_a_wrong_step_breaks_its_bound(options, monkeypatch):
    compiled = backend.load("compiled")
    right = compiled.trainer

    def wrong(plan, parameters, X, targets, run, losses):
        # Rprop has no learning rate, so it gets inputs that are off.
        is_rprop = run.optimizer == "rprop"
        wrong_run = dataclasses.replace(run, rates=run.rates * (1 + 1e-9))
        return right(plan, parameters, X * (1 - 2 * is_rprop), targets, wrong_run, losses)

    monkeypatch.setattr(compiled, "trainer", wrong)
    plan = small_plan("float64", options=options)
    _, *steps = compare_step(plan, 33, np.random.default_rng(0))
    assert len(steps) >= len(catalog.OPTIMIZERS)
    for step in steps:
        assert step.error > 1, step


def extremes(dtype):
    """Numbers of every size, the ends of the range, and where functions overflow."""
    info = np.finfo(dtype)
    sizes = np.logspace(
        np.log10(float(info.smallest_subnormal)) + 1, np.log10(float(info.max)) - 0.01, 90
    )
    around = [0.5, 1, 2, 16, 36, 40, 87, 88.7, 103, 104, 500, 700, 708, 709, 745, 746, 1000]
    positive = np.concatenate([sizes, around, [info.max, info.tiny, info.smallest_subnormal]])
    with np.errstate(under="ignore"):
        return np.concatenate([positive, -positive, [0.0, -0.0]]).astype(dtype)


def exact(name, z):
    mpmath.mp.prec = 200
    x = mpmath.mpf(float(z))
    return {"relu": lambda: max(x, 0), "sigmoid": lambda: 1 / (1 + mpmath.exp(-x))}[name]()


def units(computed, true, dtype):
    """The distance in units of the last place of the correctly rounded value."""
    rounded = dtype(float(true)) if abs(true) <= np.finfo(dtype).max else dtype(np.inf)
    if not np.isfinite(rounded):
        return 0.0 if computed == rounded else np.inf
    return float(
        abs(mpmath.mpf(float(computed)) - true)
        / float(np.spacing(np.nextafter(abs(rounded), dtype(0))))
    )


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["relu", "sigmoid"])
def test_activations_within_4_units_over_the_whole_range(name, dtype, path):
    z = extremes(dtype)[:, None]
    out = np.empty_like(z)
    apply(path, "activations", name, z, out)
    errors = [units(a, exact(name, x), dtype) for a, x in zip(out[:, 0], z[:, 0], strict=True)]
    assert max(errors) <= 4, z[np.argmax(errors), 0]


def apply(path, module, name, *arguments):
    with np.errstate(all="ignore"):
        if path == "reference":
            getattr(backend.load("reference", module), name)(*arguments)
        else:
            run, finish = backend.load("compiled", "rows").prepare(name, *arguments)
            run()
            finish()


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("name", catalog.ACTIVATIONS)
def test_a_nan_stays_visible(name, path):
    z = np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, np.nan], [3.0, 4.0]])
    out = np.empty_like(z)
    apply(path, "activations", name, z, out)
    assert np.array_equal(np.isnan(out).any(axis=1), [False, True, True, False])
    if name != "softmax":
        assert np.array_equal(np.isnan(out), np.isnan(z))


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("name", catalog.LOSS_KERNELS)
def test_a_nan_stays_visible_in_a_loss(name, path):
    z = np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, np.nan], [3.0, 4.0]])
    delta, losses = np.empty_like(z), np.empty(4)
    target, numbers = np.full_like(z, 0.5), np.array([0.3, 0.7])
    apply(path, "losses", name, z, target, numbers, np.ones(4), delta, losses)
    assert np.array_equal(np.isnan(losses), [False, True, True, False])
    assert np.isnan(delta[np.isnan(z)]).all()


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("name", ["clip_value", "clip_norm"])
def test_a_nan_stays_visible_in_a_clipped_gradient(name, path):
    gradient = np.array([1.0, np.nan, 3.0])
    apply(path, "clipping", name, 2.0, gradient)
    expected = [False, True, False] if name == "clip_value" else [True] * 3
    assert np.array_equal(np.isnan(gradient), expected)


def laid_out(values):
    """The same numbers with every kind of strides."""
    wide = np.repeat(values, 2, axis=1)
    return {
        "rows": values,
        "columns": np.asfortranarray(values),
        "every second column": wide[:, ::2],
        "backwards": np.ascontiguousarray(values[::-1, ::-1])[::-1, ::-1],
        "one row": np.broadcast_to(values[:1], values.shape),
    }


@pytest.mark.parametrize("into", [np.float64, np.float32])
@pytest.mark.parametrize("dtype", [np.dtype(name) for name in FETCHED], ids=FETCHED)
def test_rows_of_every_dtype_and_strides_are_gathered_alike(dtype, into):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (40, 3)).astype(dtype)
    if dtype.kind in "iu":
        # Where floats of 24 or 53 bits have to round.
        values[3], values[4] = np.iinfo(dtype).max, np.iinfo(dtype).max - 1
        values[5] = np.iinfo(dtype).min
    order = rng.permutation(40)[:33]
    for layout, source in laid_out(values).items():
        by_reference, by_compiled = np.empty((2, 33, 3), into)
        apply("reference", "batches", "gather_rows", source, order, by_reference)
        # The bytes of a bool are 0 and 1, as `validation.inputs` hands them on.
        numbers = source.view(np.uint8) if dtype.kind == "b" else source
        apply("compiled", "batches", "gather_rows", numbers, order, by_compiled)
        assert np.array_equal(by_reference, by_compiled), layout
        assert np.array_equal(by_reference, source[order].astype(into)), layout


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_infinite_logits(dtype, path):
    z = np.array([[np.inf], [-np.inf]], dtype)
    out = np.empty_like(z)
    apply(path, "activations", "sigmoid", z, out)
    assert out.ravel().tolist() == [1, 0]
    apply(path, "activations", "relu", z, out)
    assert out.ravel().tolist() == [np.inf, 0]


@pytest.mark.parametrize("path", ["reference", "compiled"])
def test_products_of_no_terms_are_the_bias(path):
    """Sums of length 0 and 1, which no tile is shaped for."""
    z = np.empty((3, 2))
    weights = np.array([[1.5, -2.0]])
    apply(path, "layers", "affine", np.empty((3, 0)), weights, z)
    assert np.array_equal(z, np.repeat(weights, 3, axis=0))


@pytest.mark.parametrize("path", ["reference", "compiled"])
def test_cross_entropy_of_large_logits_loses_nothing(path):
    """The largest logit is taken off before anything is summed."""
    z = np.array([[1024.0, 1010.0], [-1000.0, -1000.0]], np.float32)
    target = np.array([[1, 0], [0.5, 0.5]], np.float32)
    delta, losses = np.empty_like(z), np.empty(2, np.float32)
    scale = np.ones(2, np.float32)
    apply(path, "losses", "cross_entropy", z, target, np.empty(0), scale, delta, losses)
    np.testing.assert_allclose(losses, [np.log1p(np.exp(-14.0)), np.log(2)], rtol=0, atol=3e-7)
    assert losses[0] > 0
