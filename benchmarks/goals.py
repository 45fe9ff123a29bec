"""What fastnet is to reach: the figures beside which the tables put what was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingGoal:
    """How many times faster than JAX, and than the best of the others; the share of the ceiling.

    `two_cores` is against JAX on two cores, `speed_up` against one core.
    """

    jax: float
    others: float = 2.4
    share: float | None = None
    two_cores: float | None = None
    speed_up: float | None = None


TRAINING = {
    "xor": TrainingGoal(2, others=10),
    "digits": TrainingGoal(3, others=10, share=0.3),
    "tab": TrainingGoal(1.25, share=0.7, two_cores=1.4),
    "mnist32": TrainingGoal(2, share=0.6, two_cores=1.7),
    "mnist128": TrainingGoal(1.4, share=0.75, two_cores=1.6),
    "wide": TrainingGoal(1.4, share=0.8, two_cores=1.4),
    "curve": TrainingGoal(2.5, share=0.3, speed_up=1.8),
}
# float32's share of its ceiling over float64's share of its own, and dropout, l2 and clipping
# over neither.
FLOAT64_SHARE = 1.3
OPTIONS = 1.15


@dataclass(frozen=True)
class PredictionGoal:
    """The time in seconds, the share of the ceiling, and the part of OpenVINO's time."""

    seconds: float | None = None
    share: float | None = None
    openvino: float | None = None


PREDICTION = {
    "4-64-64-2 x 1": PredictionGoal(seconds=1.5e-6),
    "4-64-64-2 x 32": PredictionGoal(seconds=3e-6),
    "4-64-64-2 x 1000": PredictionGoal(seconds=45e-6, share=0.76),
    "4-64-64-2 x 100000": PredictionGoal(openvino=0.75),
    "784-512-512-10 x 10000": PredictionGoal(share=0.85),
}
PREDICTION_SPEED_UP = 1.8

# Of square products, and from which size on; no slower than NumPy as it comes at any size, and
# than its widest kernels from the second size on.
PRODUCT_SHARE, PRODUCT_SHARE_FROM, WIDEST_FROM = 0.9, 256, 64

# Seconds.
IMPORT, WARM_XOR, FIRST_TRAIN, OTHER_DTYPE, FIRST_OPTION = 0.05, 0.6, 4.0, 3.0, 0.2

# Beside a busy program, over a single thread's time; networks side by side, over one; the
# automatic number of threads over the better of one and two.
BUSY, NETWORKS, AUTOMATIC = 1.3, 1.9, 1.05
