"""The demo: handwritten digits on both paths, how equal they are and how much faster one is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from .network import NeuralNetwork

LAYER_SIZES = (64, 64, 10)
EPOCHS = 60
BATCH_SIZE = 32
LEARNING_RATE = 0.2
SEED = 0
SPARKS = "▁▂▃▄▅▆▇█"


@dataclass
class Outcome:
    """What one path made of the digits."""

    backend: str
    losses: list[float]
    predictions: np.ndarray
    accuracy: float
    seconds: float


def run_demo(picture: str) -> int:
    """Train on both paths, print the table and draw the losses; returns the exit status."""
    try:
        X, y, X_test, y_test = digits()
    except ImportError:
        print("The demo's digits come with scikit-learn: pip install 'fastnet[demo]'")
        return 1
    print(
        f"{len(X)} handwritten digits to learn from, {len(X_test)} held out; layers "
        f"{'-'.join(map(str, LAYER_SIZES))}, {EPOCHS} epochs in batches of {BATCH_SIZE}"
    )
    print(f"Compiled, once on this machine, in {compile_all(X, y):.1f} s")
    outcomes = []
    for backend in ("reference", "compiled"):
        outcomes.append(train(backend, X, y, X_test, y_test, EPOCHS))
    print(table(outcomes))
    for outcome in outcomes:
        print(f"loss, {outcome.backend:9} {sparkline(outcome.losses)}")
    if draw(outcomes, picture):
        print(f"The loss curves are drawn in {picture}")
    return 0


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The 1,797 scans that scikit-learn ships, in [0, 1]; a fixed fifth is held out."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(SEED).permutation(len(data.data))
    X, y = data.data[order] / 16, data.target[order]
    held_out = len(X) // 5
    return X[held_out:], y[held_out:], X[:held_out], y[:held_out]


def compile_all(X, y) -> float:
    """What the compiled path needs, compiled or loaded; returns the seconds that it took."""
    network = NeuralNetwork(LAYER_SIZES, output="softmax", dtype="float32", backend="compiled")
    X, y = X[:1], y[:1]
    parts: tuple[Callable[[], object], ...] = (
        lambda: network.predict(X),
        lambda: network.train(X, y, 1, LEARNING_RATE, False, batch_size=1, optimizer="sgd"),
    )
    began = perf_counter()
    with progress("compiling", len(parts), "part") as advance:
        for part in parts:
            part()
            advance(1)
    return perf_counter() - began


def train(backend, X, y, X_test, y_test, epochs) -> Outcome:
    """Train a network of the same seed on one path, a few epochs at a time for the bar."""
    network = NeuralNetwork(
        LAYER_SIZES, output="softmax", dtype="float32", backend=backend, seed=SEED
    )
    losses: list[float] = []
    seconds = 0.0
    with progress(f"{backend:9}", epochs) as advance:
        while len(losses) < epochs:
            part = min(5, epochs - len(losses))
            began = perf_counter()
            losses += network.train(
                X, y, part, LEARNING_RATE, False, batch_size=BATCH_SIZE, optimizer="sgd"
            )
            seconds += perf_counter() - began
            advance(part)
    predictions = network.predict(X_test)
    accuracy = float((predictions.argmax(axis=1) == y_test).mean())
    return Outcome(backend, losses, predictions, accuracy, seconds)


@contextmanager
def progress(label: str, total: int, unit: str = "epoch") -> Iterator:
    """A bar where tqdm is installed; quiet otherwise and where nobody looks."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    quiet = not sys.stderr.isatty()
    with tqdm(total=total, desc=label, unit=unit, disable=quiet, leave=False) as bar:
        yield bar.update


def table(outcomes: list[Outcome]) -> str:
    """One line a path; differences and speed are against the first."""
    first = outcomes[0]
    lines = ["path       test accuracy  seconds  largest difference  speed-up"]
    for outcome in outcomes:
        difference = np.abs(outcome.predictions - first.predictions).max()
        lines.append(
            f"{outcome.backend:9}  {outcome.accuracy:13.1%}  {outcome.seconds:7.3f}  "
            f"{difference:18.1e}  {first.seconds / outcome.seconds:7.1f}x"
        )
    return "\n".join(lines)


def sparkline(values: list[float], width: int = 60) -> str:
    """The values as one line of text, on a logarithmic scale."""
    places = np.linspace(0, len(values) - 1, min(width, len(values))).astype(int)
    heights = np.log(np.maximum(np.asarray(values)[places], np.finfo(float).tiny))
    span = np.ptp(heights) or 1.0
    levels = (heights - heights.min()) / span * (len(SPARKS) - 1)
    return "".join(SPARKS[int(level)] for level in np.round(levels))


def draw(outcomes: list[Outcome], picture: str) -> bool:
    """A picture of the loss curves, if matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    axes = (figure := Figure(figsize=(7, 4), layout="constrained")).subplots()
    for outcome, style in zip(outcomes, ("-", "--"), strict=True):
        axes.semilogy(outcome.losses, style, label=f"{outcome.backend}, {outcome.seconds:.2f} s")
    axes.set(xlabel="epoch", ylabel="training loss", title="Handwritten digits, both paths")
    axes.legend()
    figure.savefig(picture, dpi=120)
    return True
