"""The products of a layer, alone."""

from __future__ import annotations

from .. import goals
from ..bench_gemm import SHAPES
from ..flops import of_product
from ..results import Cells
from .markdown import table

PRODUCTS = ("affine", "weight_gradient", "input_delta")
DTYPES = ("float32", "float64")


def lines(part: dict) -> list[str]:
    """A table for each dtype, with what misses the goals in bold."""
    cells = Cells(part, "test_product")
    contenders = cells.values("contender")
    text = [
        "GFLOP/s on one core, as called from Python, and the share of the ceiling; shapes are "
        "n_in x n_out x rows. Bold: `compiled` below "
        f"{goals.PRODUCT_SHARE:.0%} of the ceiling from {goals.PRODUCT_SHARE_FROM} on; NumPy where "
        "it is faster; PyTorch, and NumPy with a kernel that it was told to take, where they are "
        f"from {goals.WIDEST_FROM} on.",
        "",
    ]
    for dtype in DTYPES:
        ceiling = part["ceiling"][dtype]
        rows = []
        for shape in SHAPES:
            rows.append([shape])
            for product in PRODUCTS:
                rates = {
                    name: of_product(*SHAPES[shape])
                    / cells.seconds(product=product, shape=shape, dtype=dtype, contender=name)
                    for name in contenders
                }
                rows[-1] += [_text(name, rates, ceiling, min(SHAPES[shape])) for name in rates]
        columns = [f"{product}: {name}" for product in PRODUCTS for name in contenders]
        text += table([dtype, *columns], rows)
    return text


def _text(name, rates, ceiling, size):
    """A rate, in bold where ours misses its goal or theirs is above ours."""
    rate = rates[name]
    share = rate / ceiling
    text = f"{rate / 1e9:.1f} ({share:.0%})"
    if name == "compiled":
        is_missed = size >= goals.PRODUCT_SHARE_FROM and share < goals.PRODUCT_SHARE
    else:
        least = 0 if name == "NumPy" else goals.WIDEST_FROM
        is_missed = size >= least and rate > rates["compiled"]
    return f"**{text}**" if is_missed else text
