"""What several test files share."""

import threading

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


def wrong_in_threads(network, parts, expected):
    """The lengths of parts that were predicted wrong by a thread for each, all at the same time."""
    wrong, start = [], threading.Barrier(len(parts))

    def predict_often(X, right):
        start.wait()
        for _ in range(300):
            if not np.array_equal(network.predict(X), right):
                wrong.append(len(X))

    threads = [
        threading.Thread(target=predict_often, args=pair)
        for pair in zip(parts, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


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
