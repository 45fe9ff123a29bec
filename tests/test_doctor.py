"""`python -m fastnet doctor`: what it tells, and that it finds what is wrong; and the caches."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import backend, doctor, threads
from fastnet.__main__ import main
from fastnet.kernels.compiled import caches, ceiling, jit
from fastnet.kernels.compiled.microkernel import TILE_ROWS, VECTOR_BYTES

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = (
    "versions",
    "package",
    "environment",
    "cores",
    "processor",
    "caches",
    "ceiling",
    "comparison",
    "cache",
)
# What a process inherits of these would decide what is tested here.
DECIDING = ("PYTHON", "NUMBA_", "FASTNET_", "XDG_")


@pytest.fixture
def quick(monkeypatch):
    """What is measured need not be exact, and nothing of the environment is wrong."""
    monkeypatch.setattr(ceiling, "SECONDS", 1e-4)
    monkeypatch.setattr("fastnet.comparison.compare.TIMING_SECONDS", 0)
    for name in doctor.EFFECTS:
        monkeypatch.delenv(name, raising=False)


def examined():
    """(name of a section -> its facts, all problems)."""
    findings = doctor.examine()
    problems = [problem for finding in findings for problem in finding.problems]
    return {finding.name: finding.facts for finding in findings}, problems


def run(
    *path,
    code="import sys; from fastnet.__main__ import main; sys.exit(main(['doctor', '--json']))",
    options=(),
    **variables,
):
    """(exit status, what is printed, from JSON) of a process that imports from these folders."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(DECIDING)}
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=Path(sys.prefix),
        env={**inherited, "PYTHONPATH": os.pathsep.join(map(str, path)), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def copy(source, target):
    return shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


# ------------------------------------------------------------------------------------ what it tells


def test_where_nothing_is_wrong_it_says_so(quick, capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [*SECTIONS]
    assert lines[-1] == "Nothing is wrong."
    text = "\n".join(lines)
    for part in (
        fastnet.__version__,
        np.__version__,
        str(Path(fastnet.__file__).parent),
        f"vectors of {VECTOR_BYTES} bytes",
        f"{TILE_ROWS} x ",
        str(jit.cache_folder()),
    ):
        assert part in text


def test_the_same_for_machines():
    folder = jit.cache_folder()
    status, told = run(ROOT, NUMBA_CACHE_DIR=str(folder.parent))
    assert list(told) == [*SECTIONS, "problems"]
    assert (status, told["problems"]) == (0, [])
    assert told["processor"]["vector_bytes"] == VECTOR_BYTES
    assert told["caches"] == caches.sizes()._asdict()
    assert told["environment"] == {"NUMBA_CACHE_DIR": str(folder.parent)}
    assert told["cores"] == {"in_machine": os.cpu_count(), "available": threads.available()}
    assert min(told["ceiling"]["flops_per_second"].values()) > 0
    assert all(0 <= error <= 1 for error in told["comparison"].values())
    # What it compiled itself is counted.
    files = list(folder.glob("*.nbc"))
    assert told["cache"]["folder"] == str(folder)
    assert told["cache"]["kernels"] == len(files)
    assert told["cache"]["bytes"] == sum(file.stat().st_size for file in files)
    assert told["cache"]["writable"]


def test_machine_code_of_other_versions_is_counted(quick, tmp_path, monkeypatch):
    mine, other = tmp_path / "fastnet-mine", tmp_path / "fastnet-other"
    for folder, sizes in ((mine, [3]), (other, [10, 20])):
        folder.mkdir()
        for place, size in enumerate(sizes):
            (folder / f"{place}.nbc").write_bytes(bytes(size))
    (tmp_path / "another").mkdir()
    monkeypatch.setattr(jit, "cache_folder", lambda: mine)
    cache = examined()[0]["cache"]
    assert (cache["folder"], cache["other_versions"], cache["other_bytes"]) == (str(mine), 1, 30)


def test_the_least_versions_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [f"python{project['requires-python']}", *project["dependencies"]]
    assert wanted == [f"{name}>={version}" for name, version in doctor.LEAST.items()]


# ------------------------------------------------------------------------------------ what is wrong


def only_problem(problems, *words):
    (problem,) = problems
    for word in words:
        assert str(word) in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FASTNET_BACKEND", "reference"),
        ("NUMBA_CPU_NAME", "generic"),
        ("NUMBA_CPU_FEATURES", "+sse2"),
        ("NUMBA_OPT", "0"),
        ("NUMBA_BOUNDSCHECK", "1"),
    ],
)
def test_a_variable_that_slows_is_told(name, value, quick, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    *_, count, line = capsys.readouterr().out.splitlines()
    assert count == "Wrong (1):"
    assert line.startswith(f"- {name}={value} ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FASTNET_BACKEND", "compiled"),
        ("NUMBA_DISABLE_JIT", "0"),
        ("NUMBA_OPT", "3"),
        ("NUMBA_OPT", ""),
    ],
)
def test_a_variable_without_effect_is_not_wrong(name, value, quick, monkeypatch):
    monkeypatch.setenv(name, value)
    facts, problems = examined()
    assert facts["environment"][name] == value
    assert problems == []


def test_a_compiler_that_is_switched_off_is_told():
    status, told = run(ROOT, NUMBA_DISABLE_JIT="1")
    assert status == 1
    assert told["problems"][0] == "NUMBA_DISABLE_JIT=1 switches the compiler off"
    assert any(p.startswith("the compiled path fails, comparison: ") for p in told["problems"])


def test_an_absent_numba_is_told(tmp_path):
    site_packages = Path(np.__file__).parent.parent
    for name in ("numpy", "numpy.libs"):
        if (site_packages / name).exists():
            (tmp_path / name).symlink_to(site_packages / name)
    # -S: without site-packages.
    status, told = run(tmp_path, ROOT, options=["-S"])
    assert status == 1
    only_problem(told["problems"], "Numba is not installed", "pip install numba")
    assert list(told) == [*SECTIONS[:4], "problems"]


def test_a_numba_that_does_not_load_is_told(tmp_path):
    (tmp_path / "llvmlite.py").write_text("raise ImportError('no such library')")
    status, told = run(tmp_path, ROOT)
    assert status == 1
    only_problem(told["problems"], "the compiled path fails", "ImportError: no such library")


@pytest.mark.parametrize("name", ["python", "numpy", "numba"])
def test_an_old_version_is_told(name, quick, monkeypatch):
    monkeypatch.setitem(doctor.LEAST, name, "99.1")
    only_problem(examined()[1], f"{name} ", "is installed, expected 99.1 or newer")


def test_a_second_copy_is_told(quick, tmp_path, monkeypatch):
    copy(ROOT / "fastnet", tmp_path / "fastnet")
    monkeypatch.syspath_prepend(tmp_path)
    facts, problems = examined()
    only_problem(problems, "another copy", tmp_path / "fastnet", Path(fastnet.__file__).parent)
    assert facts["package"]["others"] == [str(tmp_path / "fastnet")]


def test_one_copy_by_two_names_is_one(quick, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(ROOT)
    monkeypatch.syspath_prepend(tmp_path / "link")
    monkeypatch.syspath_prepend("")
    assert examined()[1] == []


def test_kernels_left_behind_in_the_package_are_told(tmp_path):
    copy(ROOT / "fastnet", tmp_path / "fastnet")
    copy(ROOT / "kernels", tmp_path / "kernels")
    copy(ROOT / "kernels", tmp_path / "fastnet" / "kernels")
    _, told = run(tmp_path, NUMBA_DISABLE_JIT="1")
    inside, beside = tmp_path / "fastnet" / "kernels", tmp_path / "kernels"
    only_problem(told["problems"][:1], f"those of {inside}", f"another copy, {beside}")


def test_a_package_of_others_that_the_checkout_hides_is_told(quick, tmp_path, monkeypatch):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path, str(tmp_path)])
    only_problem(examined()[1], f"'import kernels' finds {ROOT / 'kernels'}", tmp_path / "kernels")
    # The other way round, both are found.
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert examined()[1] == []


def test_no_cache_folder_is_told(quick, monkeypatch):
    monkeypatch.setattr(jit, "cache_folder", lambda: None)
    facts, problems = examined()
    only_problem(problems, "no cache folder can be written")
    assert facts["cache"] == {"folder": None}


def test_a_cache_folder_that_cannot_be_written_is_told(quick, tmp_path, monkeypatch):
    # Nothing can be made in a plain file, by root neither.
    (tmp_path / "file").touch()
    monkeypatch.setattr(jit, "cache_folder", lambda: tmp_path / "file")
    facts, problems = examined()
    only_problem(problems, f"{tmp_path / 'file'} cannot be written")
    assert not facts["cache"]["writable"]


@pytest.mark.parametrize("wrong_by", [1e-6, np.nan])
def test_a_wrong_result_is_told(wrong_by, quick, monkeypatch):
    compiled = backend.load("compiled")
    right = compiled.gradient

    def wrong(plan, parameters, X, targets, out, weights=None):
        value = right(plan, parameters, X, targets, out, weights)
        if plan.dtype == "float64":
            out *= 1 + wrong_by
        return value

    monkeypatch.setattr(compiled, "gradient", wrong)
    only_problem(examined()[1], "in float64 the compiled path is", "python -m fastnet compare")


# -------------------------------------------------------------------------------------- the caches


def plant(folder, core, *entries):
    """Files as Linux has them, for (level, type, size, map of threads)."""
    for place, entry in enumerate(entries):
        index = folder / f"cpu{core}" / "cache" / f"index{place}"
        index.mkdir(parents=True)
        for name, value in zip(("level", "type", "size", "shared_cpu_map"), entry, strict=True):
            (index / name).write_text(f"{value}\n")


@pytest.fixture
def linux(monkeypatch, tmp_path):
    """Sizes from files in a folder, for the first core of this process."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not tell of caches in files")
    monkeypatch.setattr(caches, "LINUX_FOLDER", tmp_path)
    core = min(os.sched_getaffinity(0))

    def sizes(*entries):
        plant(tmp_path, core, *entries)
        return caches.sizes.__wrapped__()

    return sizes


L1 = (1, "Data", "48K", "00000003")
CODE = (1, "Instruction", "64K", "00000003")


def test_the_share_of_a_core_in_a_common_cache(linux):
    # Two threads a core; the second level for one core, the third for eight.
    entries = L1, CODE, (2, "Unified", "2048K", "3"), (3, "Unified", "32768K", "00ff,000000ff")
    assert linux(*entries) == (48 * 1024, 2048 * 1024, 32768 * 1024 // 8)


def test_cores_in_a_cluster_share_the_second_level(linux):
    entries = (1, "Data", "64K", "1"), (2, "Unified", "4096K", "f")
    assert linux(*entries) == (64 * 1024, 1024 * 1024, 0)


def test_a_fourth_level_is_left_out(linux):
    entries = (1, "Data", "32K", "1"), (4, "Unified", "131072K", "ff")
    assert linux(*entries) == (32 * 1024, caches.ASSUMED.l2, 0)


@pytest.mark.parametrize(
    "entries",
    [(), [(1, "Data", "much", "1")], [(1, "Data", "32K", "")], [("", "", "", "")]],
)
def test_what_is_not_told_is_assumed(entries, linux):
    assert linux(*entries) == caches.ASSUMED


@pytest.mark.parametrize("system", ["darwin", "win32", "linux"])
def test_no_system_makes_it_fail(system, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    sizes = caches.sizes.__wrapped__()
    assert all(isinstance(size, int) for size in sizes)
    assert sizes.l1 >= 2**13
    assert sizes.l2 >= sizes.l1
