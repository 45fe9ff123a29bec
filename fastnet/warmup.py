"""`python -m fastnet warmup`: machine code for all that a network can be asked for, ahead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

import numpy as np

from . import backend
from .comparison.checks import OPTIMIZERS, kernel_checks
from .doctor import is_writable
from .kernels import catalog
from .network import NeuralNetwork
from .plan import Plan

LAYER_SIZES = (3, 4, 4, 2)
ROWS = 6
# As many as make a gradient by sums in lanes pay, with vectors of any width.
LONG = 300
# What data may be made of without being copied.
SOURCES = ("float64", "float32", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)))
# What a network and its training may have besides, each of it felt.
OF_NETWORK = {"dropout": [0.2, 0.2, 0.2], "l1": 0.1, "l2": 0.1, "max_norm": 1.0}
OF_TRAINING = {
    "batch_size": 4,
    "sample_weight": np.ones(ROWS),
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
    "clip_value": 1.0,
    "average": 0.9,
    "input_noise": 0.1,
    "n_threads": 2,
}


def run_warmup(dtypes: tuple[str, ...]) -> int:
    """Compile everything into the cache folder and say so.

    Returns the exit status, 1 where no folder keeps what is compiled.
    """
    try:
        backend.choose("compiled")
    except ImportError as error:
        print(error)
        return 1
    folder = backend.load("compiled", "jit").cache_folder()
    if folder is None or not is_writable(folder):
        where = f"{folder} cannot be written" if folder else "There is no cache folder"
        print(f"{where}: set NUMBA_CACHE_DIR to a folder that can be written")
        return 1
    before, began = set(folder.glob("*.nbc")), perf_counter()
    uses = [use for dtype in dtypes for use in everything(dtype)]
    with progress(len(uses)) as advance:
        for label, use in uses:
            use()
            advance(label)
    kernels = set(folder.glob("*.nbc"))
    print(
        f"{len(kernels)} kernels in {folder}, {len(kernels - before)} of them compiled now, "
        f"in {perf_counter() - began:.1f} s"
    )
    return 0


def everything(dtype: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """(label, function) of calls that together need all compiled code there is for a dtype.

    They go along the catalog and the comparison, which no kernel is left out of; and they use
    networks, which need whatever these are made of.
    """
    plan = Plan.of(LAYER_SIZES, "softmax", dtype)
    for check in kernel_checks(plan, ROWS, np.random.default_rng(0)):
        prepare = backend.load("compiled", "rows").prepare
        yield check.kernel, partial(prepare, check.kernel, *check.arguments)
    for hidden in catalog.HIDDEN_ACTIVATIONS:
        yield hidden, partial(_use, dtype, {"hidden": hidden})
    for loss, outputs in catalog.OUTPUTS_OF_LOSS.items():
        for output in outputs:
            yield f"{loss} of {output}", partial(_use, dtype, {"loss": loss, "output": output})
    for name, optimizer in OPTIMIZERS.items():
        yield name, partial(_use, dtype, optimizer=optimizer)
    for name, value in OF_NETWORK.items():
        yield name, partial(_use, dtype, {name: value})
    for name, value in OF_TRAINING.items():
        yield name, partial(_use, dtype, **{name: value})
    yield "all options", partial(_use, dtype, OF_NETWORK, **OF_TRAINING)
    yield "long batches", partial(_use, dtype, rows=LONG)
    for source in SOURCES:
        yield f"data of {source}", partial(_use, dtype, source=source)
    ceiling = backend.load("compiled", "ceiling")
    yield "ceiling", partial(ceiling.flops_per_second, dtype)
    yield "bandwidth", partial(ceiling.bytes_per_second, 8)


def _use(dtype: str, of_network=None, source="float64", rows=ROWS, **of_training) -> None:
    """Call everything of a network that computes."""
    choices = {"output": "softmax"} | (of_network or {})
    network = NeuralNetwork(LAYER_SIZES, dtype=dtype, backend="compiled", seed=0, **choices)
    n_in, *_, n_out = LAYER_SIZES
    X, labels = np.ones((rows, n_in), source), np.arange(rows) % n_out
    # Every loss takes rows of one 1.
    for y in (np.eye(n_out, dtype=source)[labels], labels)[: 1 + network._plan.takes_labels]:
        network.train(X, y, 1, 1e-3, False, **of_training)
        network.loss(X, y)
        network.gradients(X, y)
        network.predict(X)
        network.predict(X[0])
        network.forward(X)
        if network._plan.drop_in_loss:
            network.backward(X, y)


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], object]]:
    """A bar on a terminal where tqdm is installed, a line for each step elsewhere."""
    try:
        from tqdm import tqdm
    except ImportError:
        tqdm = None
    if tqdm is None or not sys.stderr.isatty():
        yield lambda label: print(label, flush=True)
        return
    with tqdm(total=total, leave=False) as bar:

        def advance(label):
            bar.set_postfix_str(label, refresh=False)
            bar.update()

        yield advance
