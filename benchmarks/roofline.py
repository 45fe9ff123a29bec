"""The share of the ceiling over the FLOPs of a step: ours, and the peers'."""

from __future__ import annotations

from pathlib import Path

from .contenders import TRAINING
from .tables import train
from .workloads import TRAINING as WORKLOADS

FILE = Path(__file__).parent / "roofline.svg"
# Colours that are told apart without red and green.
COLOURS = ("#999999", "#000000", "#e69f00", "#56b4e9", "#0072b2", "#cc79a7")


def draw(part: dict) -> None:
    """Write roofline.svg.

    part : the stored results of training.
    """
    import matplotlib

    matplotlib.use("agg")
    # The same results give the same file.
    matplotlib.rcParams |= {"svg.hashsalt": "fastnet", "svg.fonttype": "none"}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    flops = {key: WORKLOADS[key].flops_per_step for key in train.FIRST}
    for name, colour in zip(TRAINING, COLOURS, strict=True):
        shares = {key: train.share(part, key, name) for key in flops}
        points = sorted((flops[key], 100 * share) for key, share in shares.items() if share)
        if points:
            marker, width = ("o", 2) if name == "compiled" else ("s", 0.7)
            axes.plot(*zip(*points, strict=True), color=colour, label=name, marker=marker, lw=width)
    axes.axhline(100, color="black", ls="--", lw=0.8)
    for place, key in enumerate(sorted(flops, key=flops.get)):
        # On two lines: some workloads have nearly as many.
        height = 120 if place % 2 else 220
        axes.annotate(key.partition(" ")[0], (flops[key], height), ha="center", fontsize=9)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(None, 450),
        xlabel="floating-point operations of a training step",
        ylabel="share of one core's multiply-add ceiling, per cent",
        title="A step of training, float32 (xor: float64), one core",
    )
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(FILE, metadata={"Date": None})
    pyplot.close(figure)
