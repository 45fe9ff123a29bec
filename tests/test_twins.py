"""Every compiled kernel against its NumPy twin, within the bound that its arithmetic sets."""

import mpmath
import numpy as np
import pytest

from fastnet import backend
from fastnet.checks import kernel_checks
from fastnet.compare import compare_step, run_check
from fastnet.kernels import catalog
from fastnet.plan import Plan

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


@pytest.fixture(autouse=True)
def no_timing(monkeypatch):
    monkeypatch.setattr("fastnet.compare.best_seconds", lambda function: 0.0)


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
    for result in compare_step(plan, batch, rng):
        assert result.error <= 1, result
    assert set(catalog.ACTIVATIONS) | set(catalog.LOSSES) | set(catalog.OPTIMIZERS) <= seen
    assert {"affine", "weight_gradient", "input_delta", "gather_rows", "shuffle"} <= seen


@pytest.mark.parametrize("kernel", ["affine", "sigmoid", "cross_entropy", "sgd", "shuffle"])
def test_a_wrong_kernel_breaks_its_bound(kernel, monkeypatch):
    """The bounds can fail: a result that is off by a few thousand roundings is caught."""
    rows = backend.load("compiled", "rows")
    right = rows.prepare

    def wrong(name, *arguments):
        run, finish = right(name, *arguments)

        def spoil():
            finish()
            written = arguments[-1]
            written[...] = written[::-1].copy() if name == "shuffle" else written * (1 + 1e-12)

        return run, spoil

    monkeypatch.setattr(rows, "prepare", wrong)
    plan = Plan.of((6, 5, 3), "softmax", "float64")
    checks = [c for c in kernel_checks(plan, 30, np.random.default_rng(0)) if c.kernel == kernel]
    assert checks
    assert all(run_check(check, "float64").error > 1 for check in checks)


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
@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax"])
def test_a_nan_stays_visible(name, path):
    z = np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, np.nan], [3.0, 4.0]])
    out = np.empty_like(z)
    apply(path, "activations", name, z, out)
    assert np.array_equal(np.isnan(out).any(axis=1), [False, True, True, False])
    if name != "softmax":
        assert np.array_equal(np.isnan(out), np.isnan(z))


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
    apply(path, "losses", "cross_entropy", z, target, np.float32(1), delta, losses)
    np.testing.assert_allclose(losses, [np.log1p(np.exp(-14.0)), np.log(2)], rtol=0, atol=3e-7)
    assert losses[0] > 0
