"""`python -m fastnet warmup`: after it nothing is compiled, whatever a network is asked for."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastnet import backend, warmup
from fastnet.__main__ import main
from fastnet.comparison.bounds import BOUNDS
from fastnet.kernels import catalog

ROOT = Path(__file__).resolve().parent.parent
DTYPE = "float32"

# Warms up, and prints which files of machine code that read or wrote.
WARM_UP = """
import json, os, sys
files = set()
def note(event, arguments):
    if event == "open" or event == "os.rename":
        name = arguments[event == "os.rename"]
        if isinstance(name, (str, os.PathLike)) and os.fspath(name).endswith(".nbc"):
            files.add(os.fspath(name))
sys.addaudithook(note)
from fastnet.__main__ import main
status = main(["warmup", "--dtype", sys.argv[1]])
print(json.dumps([status, sorted(file for file in files if os.path.exists(file))]))
"""
# Uses every option and networks that have little in common, and prints how often that compiled.
USE = """
import json, sys
from collections import Counter
from numba.core import event
counts = Counter()
class Passes(event.Listener):
    def on_start(self, event):
        counts[event.kind] += 1
    def on_end(self, event):
        pass
listener = Passes()
with event.install_listener("numba:run_pass", listener):
    from tests.test_training import further_network, use, use_every_option
    use_every_option(sys.argv[1])
    for number in range(12):
        use(**further_network(number, sys.argv[1]), n_threads=1 + number % 2)
    import fastnet
    fastnet.explain(fastnet.NeuralNetwork([3, 4, 2], dtype=sys.argv[1]))
print(json.dumps(sum(counts.values())))
"""


def run(code, *arguments, **variables):
    """The last line that the code prints, from JSON, and what it printed before."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *before, last = done.stdout.splitlines()
    return json.loads(last), before


@pytest.fixture(scope="module")
def warmed(tmp_path_factory):
    """(a folder with the machine code of a warmup and nothing else, what it printed).

    Most of it was compiled by other tests before: it is copied from the folder of this session.
    """
    (status, files), lines = run(WARM_UP, DTYPE)
    assert status == 0
    folder = tmp_path_factory.mktemp("warmed")
    for file in map(Path, files):
        (folder / file.parent.name).mkdir(exist_ok=True)
        shutil.copy(file, folder / file.parent.name)
    return folder, lines


def test_nothing_is_compiled_after_it(warmed):
    folder, _ = warmed
    before = sorted(folder.rglob("*.nbc"))
    compiled, _ = run(USE, DTYPE, NUMBA_CACHE_DIR=str(folder))
    assert compiled == 0
    assert sorted(folder.rglob("*.nbc")) == before


def test_what_is_missing_is_seen_to_be_compiled(warmed, tmp_path):
    """The test above can fail."""
    folder = Path(shutil.copytree(warmed[0], tmp_path / "lacking"))
    for file in folder.rglob("*tanh-float32*.nbc"):
        file.unlink()
    assert run(USE, DTYPE, NUMBA_CACHE_DIR=str(folder))[0] > 0


def test_it_tells_of_each_step_and_of_the_folder(warmed):
    _, (*labels, summary) = warmed
    assert labels == [label for label, _ in warmup.everything(DTYPE)]
    folder = backend.load("compiled", "jit").cache_folder()
    assert f" kernels in {folder}, " in summary
    assert int(summary.split()[0]) >= len(BOUNDS)


def test_its_steps_name_every_kernel_and_choice():
    labels = {label for label, _ in warmup.everything("float64")}
    assert labels >= {*BOUNDS, *catalog.HIDDEN_ACTIVATIONS, *catalog.OPTIMIZERS}
    assert labels >= {
        f"{loss} of {output}"
        for loss, outputs in catalog.OUTPUTS_OF_LOSS.items()
        for output in outputs
    }
    assert labels >= {f"data of {np.dtype(kind)}" for kind in "bBhHiIlLfd"}


def test_both_dtypes_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(warmup, "everything", lambda dtype: [(dtype, lambda: None)])
    assert main(["warmup"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["float64", "float32"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "plain").touch()
    done = subprocess.run(
        [sys.executable, "-m", "fastnet", "warmup"],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "plain" / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("There is no cache folder: set NUMBA_CACHE_DIR")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with warmup.progress(3) as advance:
        for label in "abc":
            advance(label)
    assert "0/3" in terminal.getvalue()
    assert capsys.readouterr().out == ""
