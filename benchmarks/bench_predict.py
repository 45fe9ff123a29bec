"""How long a prediction takes, network by network and contender by contender."""

import pytest

from .contenders import LEFT_OUT, PREDICTION
from .equality import require_equal_prediction
from .workloads import PREDICTION as WORKLOADS


@pytest.mark.parametrize("contender", PREDICTION)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_predict(benchmark, workload, contender):
    if contender in LEFT_OUT:
        pytest.skip(LEFT_OUT[contender])
    chosen = WORKLOADS[workload]
    run = PREDICTION[contender].prepare(chosen)
    # The first call also compiles.
    require_equal_prediction(chosen, run())
    require_equal_prediction(chosen, benchmark(run))
