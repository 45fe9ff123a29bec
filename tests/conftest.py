"""What several test files share."""

import numpy as np
import pytest

from .combination_table import table

BACKENDS = ("reference", "compiled")


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(20261121)


@pytest.fixture
def xor():
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


def pytest_terminal_summary(terminalreporter):
    """The table of what came of the combinations, where any were tried."""
    results = [
        (*value, report.passed)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == "combination"
    ]
    if results:
        terminalreporter.section("combinations")
        for line in table(results):
            terminalreporter.line(line)
