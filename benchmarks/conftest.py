"""What is stored beside the times, and what is left out where benchmarks run once, as tests."""

import pytest

from .contenders import LEFT_OUT
from .machine import ceiling, facts


def pytest_configure(config):
    config.addinivalue_line("markers", "sweep: left out where benchmarks run once, as tests")


def pytest_collection_modifyitems(config, items):
    if config.getoption("benchmark_disable", False):
        left_out = [item for item in items if item.get_closest_marker("sweep")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.update(facts=facts(), ceiling=ceiling(), left_out=LEFT_OUT)
