"""How fast the three products of a layer are, beside NumPy's, on arrays that are there already.

NumPy's BLAS chooses its kernels by the processor's name when it is loaded; where OPENBLAS_CORETYPE
tells it otherwise, it is another contender.
"""

import os

import numpy as np
import pytest

from .contenders import LEFT_OUT
from .workloads import SIZES

CORETYPE = os.environ.get("OPENBLAS_CORETYPE")
NUMPY = f"NumPy, {CORETYPE}" if CORETYPE else "NumPy"
# Name -> (n_in, n_out, rows).
SHAPES = {
    "x".join(map(str, shape)): shape
    for shape in (
        *((size, size, size) for size in SIZES),
        (4, 32, 10_000),
        (32, 16, 10_000),
        (64, 32, 32),
        (128, 10, 128),
        (256, 128, 128),
        (256, 256, 256),
        (784, 128, 32),
        (784, 256, 128),
        (1024, 1024, 256),
    )
}
AS_TEST = ("8x8x8", "96x96x96", "128x10x128", "784x128x32")


def operands(product, n_in, n_out, rows, dtype):
    """(left (M, K), right (K, N)) of a product as NumPy has them, with the strides of training."""
    rng = np.random.default_rng(0)
    a, weight, delta = (
        rng.standard_normal(shape).astype(dtype)
        for shape in ((rows, n_in), (n_in, n_out), (rows, n_out))
    )
    return {
        "affine": (a, weight),
        "weight_gradient": (a.T, delta),
        "input_delta": (delta, weight.T),
    }[product]


def prepare_numpy(product, left, right):
    """(run, result) of `numpy.matmul`; result() is (M, N)."""
    out = np.empty((len(left), right.shape[1]), left.dtype)
    return lambda: np.matmul(left, right, out=out), lambda: out


def prepare_compiled(product, left, right):
    """(run, result) of the kernel, whose weights have the biases below, here 0."""
    from fastnet.kernels.compiled import rows

    def with_biases(weight):
        return np.vstack([weight, np.zeros_like(weight[:1])])

    out = np.zeros((len(left), right.shape[1]), left.dtype)
    if product == "affine":
        arguments = left, with_biases(right)
    elif product == "weight_gradient":
        out = with_biases(out)
        arguments = left.T, right, False
    else:
        arguments = left, with_biases(right.T)
    run, finish = rows.prepare(product, *arguments, out)

    def result():
        finish()
        return out[: len(left)]

    return run, result


def prepare_torch(product, left, right):
    """(run, result) of `torch.mm`, which is Intel's MKL in the packages for its processors."""
    import torch

    left, right = torch.from_numpy(left), torch.from_numpy(right)
    out = torch.empty(len(left), right.shape[1], dtype=left.dtype)
    return lambda: torch.mm(left, right, out=out), out.numpy


CONTENDERS = {"compiled": prepare_compiled, NUMPY: prepare_numpy, "PyTorch": prepare_torch}


@pytest.mark.benchmark(max_time=0.2)
@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape",
    [pytest.param(name, marks=() if name in AS_TEST else pytest.mark.sweep) for name in SHAPES],
)
@pytest.mark.parametrize("product", ["affine", "weight_gradient", "input_delta"])
def test_product(benchmark, product, shape, dtype, contender):
    if contender in LEFT_OUT:
        pytest.skip(LEFT_OUT[contender])
    left, right = operands(product, *SHAPES[shape], dtype)
    run, result = CONTENDERS[contender](product, left, right)
    run()
    left, right = left.astype(np.float64), right.astype(np.float64)
    bound = np.finfo(dtype).eps * (left.shape[1] + 2) * (np.abs(left) @ np.abs(right))
    assert np.all(np.abs(result() - left @ right) <= bound)
    benchmark(run)
