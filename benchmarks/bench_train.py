"""How long a step of training takes, workload by workload and contender by contender."""

import pytest

from .contenders import LEFT_OUT, TRAINING
from .equality import require_equal_training
from .workloads import OPTIONS
from .workloads import TRAINING as WORKLOADS

# For a test, whose reference takes it three times.
TOO_LONG = ("wide float64",)


@pytest.mark.parametrize("contender", TRAINING)
@pytest.mark.parametrize(
    "workload",
    [pytest.param(key, marks=pytest.mark.sweep if key in TOO_LONG else ()) for key in WORKLOADS],
)
def test_train(benchmark, workload, contender):
    if contender in LEFT_OUT:
        pytest.skip(LEFT_OUT[contender])
    measure(benchmark, WORKLOADS[workload], TRAINING[contender])


@pytest.mark.parametrize("workload", OPTIONS)
def test_options(benchmark, workload):
    """With dropout, a penalty and clipping, which the other libraries need not take part in."""
    measure(benchmark, OPTIONS[workload], TRAINING["compiled"])


def measure(benchmark, workload, contender):
    """Time a contender that has been seen to learn what the reference learns."""
    benchmark.extra_info["steps"] = workload.steps
    run = contender.prepare(workload)
    # The first call also compiles; what is timed afterwards is training alone.
    require_equal_training(workload, contender, run())
    # Timed calls start from the initial parameters as the first one did.
    require_equal_training(workload, contender, benchmark(run))
