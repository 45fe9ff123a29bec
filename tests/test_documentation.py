"""The code in the README and in the recipes runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "fastnet/RECIPES.md")


def blocks(page):
    """The Python blocks of a page, each with the number of its first line."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text[: match.start()].count("\n") + 2, match[1]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page, capsys):
    found = list(blocks(page))
    assert found
    namespace = {}
    state = np.random.get_state()
    for line, code in found:
        # Empty lines in front, so that a traceback names the page's own line.
        exec(compile("\n" * (line - 1) + code, page, "exec"), namespace)
    np.random.set_state(state)
