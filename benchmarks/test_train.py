"""How long a step of training takes, workload by workload and contender by contender."""

import functools

import pytest

from .contenders import CONTENDERS
from .equality import require_equal
from .workloads import WORKLOADS


@functools.cache
def reference_result(name):
    """What the reference learns, as copies: the views change with the next call."""
    workload = WORKLOADS[name]
    run = CONTENDERS["reference"].prepare(workload, workload.data, workload.initial)
    return [(weight.copy(), bias.copy()) for weight, bias in run()]


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_train(benchmark, workload, contender):
    chosen = WORKLOADS[workload]
    reason = CONTENDERS[contender].left_out()
    if reason:
        pytest.skip(reason)
    benchmark.group = workload
    run = CONTENDERS[contender].prepare(chosen, chosen.data, chosen.initial)
    # The first call also compiles; what is timed afterwards is training alone.
    require_equal(chosen, reference_result(workload), run())
    benchmark(run)
    # Timed calls start from the initial parameters as the first one did.
    require_equal(chosen, reference_result(workload), run())
