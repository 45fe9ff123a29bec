"""The commands, run as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastnet
from fastnet.__main__ import main
from fastnet.comparison import compare
from fastnet.comparison.bounds import BOUNDS
from fastnet.kernels import catalog

ROOT = Path(__file__).parent.parent
KERNELS = set(BOUNDS)


def run(*arguments, folder=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "fastnet", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )


def test_compare_prints_a_line_for_every_kernel_and_the_step():
    done = run("compare", "--layers", "3,17,5,2", "--batch", "7")
    assert done.returncode == 0, done.stderr
    names = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    assert names == KERNELS | {"gradient", "training"}


def test_compare_for_machines():
    done = run("compare", "--layers", "2,4,1", "--batch", "4", "--dtype", "float32", "--json")
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)
    assert {line["name"].split()[0] for line in lines} == KERNELS | {"gradient", "training"}
    for line in lines:
        assert 0 <= line["error"] <= 1
        assert line["reference_seconds"] > 0
        assert line["compiled_seconds"] > 0


CHOICES = [
    ("--layers 5,7,3 --hidden gelu --output sigmoid", ["drop-in", *catalog.OPTIMIZERS]),
    ("--layers 5,7,3 --loss huber --optimizer adam --dtype float32", ["adam"]),
    ("--layers 5,7,6,3 --loss poisson --output identity --optimizer lion", ["lion"]),
    ("--layers 5,7,3 --loss mae --hidden leaky_relu --optimizer momentum", ["momentum"]),
    ("--layers 5,7,6,3 --dropout 0.3 --l1 0.01 --l2 0.1 --max-norm 2", [*catalog.OPTIMIZERS]),
    ("--layers 5,1", ["drop-in", *catalog.OPTIMIZERS]),
]


@pytest.mark.parametrize(("arguments", "steps"), CHOICES)
def test_compare_has_the_network_s_choices(arguments, steps, monkeypatch, capsys):
    monkeypatch.setattr(compare, "TIMING_SECONDS", 0)
    assert main(["compare", "--batch", "9", *arguments.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("training step")] == steps


def test_compare_exits_with_1_where_a_bound_is_broken(monkeypatch, capsys):
    results = [compare.Result("sgd 5", 0.5, 1.0, 1.0)]
    monkeypatch.setattr(compare, "compare", lambda *arguments: results)
    assert main(["compare"]) == 0
    for error in (1.5, float("inf"), float("nan")):
        results[1:] = [compare.Result("affine 1x1x1", error, 1.0, 1.0)]
        assert main(["compare"]) == 1
        assert f"{error:.3f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layers", "3"], "layer_sizes has 1 numbers"),
        (["--layers", "3,x"], "invalid literal"),
        (["--layers", "3,0"], "layer_sizes[1] is 0"),
        (["--batch", "0"], "batch is 0"),
        (["--layers", "3,1", "--output", "softmax"], "at least two outputs"),
        (["--loss", "poisson", "--output", "tanh"], "loss 'poisson' goes with output"),
        (["--dropout", "1"], "dropout is 1.0"),
        (["--max-norm", "0"], "max_norm is 0.0"),
        (["--hidden", "rely"], "invalid choice: 'rely'"),
        (["--optimizer", "sgdd"], "invalid choice: 'sgdd'"),
    ],
)
def test_compare_refuses_in_one_sentence(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *arguments])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_demo_learns_the_digits_and_draws_them(tmp_path):
    done = run("demo", "--picture", str(tmp_path / "losses.png"))
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    accuracies = [float(row[1][:-1]) for row in rows if row and row[0] in ("reference", "compiled")]
    assert len(accuracies) == 2
    assert min(accuracies) >= 97
    assert done.stdout.count("█") >= 2
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_version_is_told():
    done = run("--version")
    assert done.stdout.strip() == fastnet.__version__
