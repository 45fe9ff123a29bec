"""Real processes: how the package is installed, imported, and where it keeps machine code."""

import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
# What a process inherits of these would decide what is tested here.
DECIDING = ("PYTHON", "NUMBA_", "FASTNET_", "XDG_")

# Trains a small network and prints what it learned, and of what it warned.
TRAIN = """
import json, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastnet
    network = fastnet.NeuralNetwork([2, 3, 1], seed=0)
    losses = network.train([[0, 1], [1, 0], [1, 1]], [1, 1, 0], 3, 0.5, verbose=False)
print(json.dumps({
    "backend": network.backend,
    "losses": losses,
    "parameters": network.parameters.tolist(),
    "warnings": [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)],
}))
"""

# What a read-only file system answers, also to root, whom no permission binds. The process
# itself refuses; nothing of the package is replaced.
READ_ONLY = """
import errno, os, sys
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def refuse(event, arguments):
    opened = event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & WRITES
    if event in CHANGES or (opened and os.fsdecode(arguments[0]) != os.devnull):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), arguments[0])
sys.addaudithook(refuse)
"""

# Where machine code will be kept; compiles nothing.
CACHE_FOLDER = """
import json
from fastnet.kernels.compiled import jit
folder = jit.cache_folder()
print(json.dumps(folder and str(folder)))
"""


def environment(path, **variables):
    """This process's, with `path` as PYTHONPATH; a variable that is None is taken out."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(DECIDING)}
    changed = inherited | {"PYTHONPATH": str(path)} | variables
    return {name: str(value) for name, value in changed.items() if value is not None}


def start(code, path, cwd, *options, **variables):
    # Not in the checkout: its folder would come before PYTHONPATH.
    return subprocess.Popen(
        [sys.executable, *options, "-c", code],
        cwd=cwd,
        env=environment(path, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


def run(code, path, cwd, *options, **variables):
    """What the code prints, from JSON."""
    return finish(start(code, path, cwd, *options, **variables))


def error(code, path, cwd, *options, **variables):
    """The last line that the code leaves behind when it fails."""
    process = start(code, path, cwd, *options, **variables)
    out, err = process.communicate()
    assert process.returncode != 0, out
    return err.strip().splitlines()[-1]


def copy(source, target):
    """A folder's files, but nothing that a process left there."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package as it is installed, kernels inside; one copy, so that all test the same."""
    folder = tmp_path_factory.mktemp("installed")
    copy(ROOT / "fastnet", folder / "fastnet")
    copy(ROOT / "kernels", folder / "fastnet" / "kernels")
    return folder


@pytest.fixture
def package(installed, tmp_path):
    """A copy to change."""
    copy(installed, tmp_path / "package")
    return tmp_path / "package"


@pytest.fixture
def plain_file(tmp_path):
    """Below a plain file nobody makes a folder, root included."""
    file = tmp_path / "plain"
    file.touch()
    return file


@pytest.fixture(scope="module")
def compiled_twice(installed, tmp_path_factory):
    """(cache folder, both results) of two processes that start at once with an empty cache."""
    cache = tmp_path_factory.mktemp("cache")
    processes = [start(TRAIN, installed, cache, NUMBA_CACHE_DIR=cache) for _ in range(2)]
    return cache, [finish(process) for process in processes]


@pytest.fixture
def filled_cache(compiled_twice, tmp_path):
    """A copy, to change, of a folder with all the machine code that TRAIN needs."""
    return Path(shutil.copytree(compiled_twice[0], tmp_path / "filled"))


@pytest.fixture
def expected(compiled_twice):
    """What TRAIN prints where nothing goes wrong."""
    return compiled_twice[1][0]


def without_warnings(result):
    return {name: value for name, value in result.items() if name != "warnings"}


def assert_uncached(result, expected):
    """Right, and warned of exactly once."""
    assert without_warnings(result) == without_warnings(expected)
    assert len(result["warnings"]) == 1
    assert "fastnet compiles its kernels anew in every process" in result["warnings"][0]


# --------------------------------------------------------------------------------------- import


def test_import_loads_nothing_heavy_and_compiles_nothing(tmp_path):
    heavy = ["numba", "llvmlite", "sklearn", "matplotlib", "tqdm", "torch", "jax"]
    code = f"import fastnet, json, sys; print(json.dumps([n for n in {heavy} if n in sys.modules]))"
    cache = tmp_path / "cache"
    assert run(code, ROOT, tmp_path, NUMBA_CACHE_DIR=cache) == []
    assert not cache.exists()


def test_the_reference_path_never_imports_numba(tmp_path):
    code = TRAIN.replace("print(", "import sys; assert 'numba' not in sys.modules; print(")
    assert run(code, ROOT, tmp_path, FASTNET_BACKEND="reference")["backend"] == "reference"


def test_the_checkout_and_the_installed_package_are_the_same(installed, tmp_path):
    results = [run(TRAIN, p, tmp_path, FASTNET_BACKEND="reference") for p in (ROOT, installed)]
    assert results[0] == results[1]


def test_kernels_is_no_package_of_its_own(tmp_path):
    message = error("import kernels", ROOT, tmp_path)
    assert message.startswith("ImportError: ")
    assert "fastnet" in message


# ------------------------------------------------------------------------------------ no Numba


@pytest.fixture
def only_numpy(tmp_path):
    """A folder to import from, in place of site-packages, that holds NumPy and nothing else."""
    folder = tmp_path / "only-numpy"
    folder.mkdir()
    site_packages = Path(np.__file__).parent.parent
    for name in ("numpy", "numpy.libs"):
        if (site_packages / name).exists():
            (folder / name).symlink_to(site_packages / name)
    return folder


def test_the_reference_path_needs_no_numba(only_numpy, tmp_path):
    absent = "import importlib.util; assert importlib.util.find_spec('numba') is None"
    path = os.pathsep.join([str(only_numpy), str(ROOT)])
    # -S: without site-packages.
    result = run(absent + TRAIN, path, tmp_path, "-S", FASTNET_BACKEND="reference")
    assert result == run(TRAIN, ROOT, tmp_path, FASTNET_BACKEND="reference")
    assert result["losses"][0] > result["losses"][-1]

    message = error(TRAIN, path, tmp_path, "-S")
    assert message.startswith("ImportError: backend 'compiled' needs Numba")
    assert "backend='reference'" in message


@pytest.mark.parametrize(
    ("module", "sentence"),
    [("numba", "ImportError: backend 'compiled' needs Numba"), ("llvmlite", "llvmlite")],
)
def test_the_reference_path_works_where_numba_does_not_load(module, sentence, tmp_path):
    broken = f"import sys; sys.modules[{module!r}] = None"
    expected = run(TRAIN, ROOT, tmp_path, FASTNET_BACKEND="reference")
    assert run(broken + TRAIN, ROOT, tmp_path, FASTNET_BACKEND="reference") == expected
    message = error(broken + TRAIN, ROOT, tmp_path)
    assert message.startswith(("ImportError: ", "ModuleNotFoundError: "))
    assert sentence in message


# -------------------------------------------------------------------------- choice of the backend


@pytest.mark.parametrize("name", ["reference", "compiled"])
def test_the_environment_chooses_the_backend(name, tmp_path):
    code = """
import fastnet, json
names = [fastnet.NeuralNetwork([2, 1], backend=b).backend for b in (None, "reference", "compiled")]
print(json.dumps(names))
"""
    names = run(code, ROOT, tmp_path, FASTNET_BACKEND=name)
    assert names == [name, "reference", "compiled"]


@pytest.mark.parametrize("nothing", [None, ""])
def test_the_compiled_backend_is_the_default(nothing, tmp_path):
    code = "import fastnet, json; print(json.dumps(fastnet.NeuralNetwork([2, 1]).backend))"
    assert run(code, ROOT, tmp_path, FASTNET_BACKEND=nothing) == "compiled"


def test_an_unknown_backend_in_the_environment_is_refused(tmp_path):
    code = "import fastnet; fastnet.NeuralNetwork([2, 1])"
    message = error(code, ROOT, tmp_path, FASTNET_BACKEND="gpu")
    assert message.startswith("ValueError: ")
    for fragment in ("FASTNET_BACKEND", "'gpu'", "'compiled'", "'reference'"):
        assert fragment in message


# -------------------------------------------------------------------------- the cache of kernels


def test_two_processes_may_compile_at_once(compiled_twice, installed, tmp_path):
    cache, (first, second) = compiled_twice
    assert first == second
    assert first["warnings"] == []
    assert first["losses"][0] > first["losses"][-1]
    assert {file.suffix for file in cache.rglob("*") if file.is_file()} == {".nbc"}
    # What they left behind is whole.
    before = {file: file.stat().st_mtime_ns for file in cache.rglob("*.nbc")}
    assert run(TRAIN, installed, tmp_path, NUMBA_CACHE_DIR=cache) == first
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.nbc")} == before


def test_where_nothing_can_be_written_it_works_uncached(package, tmp_path, expected):
    # Sources that nobody has compiled before: a cache of this user's could hold these.
    with (package / "fastnet/kernels/compiled/optimizers.py").open("a") as file:
        file.write(f"# {uuid.uuid4()}\n")
    result = run(READ_ONLY + TRAIN, package, tmp_path, HOME=None)
    assert_uncached(result, expected)


def test_a_named_folder_that_cannot_be_made_is_warned_of(installed, plain_file, expected, tmp_path):
    result = run(TRAIN, installed, tmp_path, NUMBA_CACHE_DIR=plain_file / "cache")
    assert_uncached(result, expected)
    assert "NUMBA_CACHE_DIR" in result["warnings"][0]


def test_a_read_only_cache_is_read(installed, filled_cache, expected, tmp_path):
    assert run(READ_ONLY + TRAIN, installed, tmp_path, NUMBA_CACHE_DIR=filled_cache) == expected


def test_what_a_read_only_cache_lacks_is_compiled(installed, filled_cache, expected, tmp_path):
    min(filled_cache.rglob("*.nbc"), key=lambda file: file.stat().st_size).unlink()
    result = run(READ_ONLY + TRAIN, installed, tmp_path, NUMBA_CACHE_DIR=filled_cache)
    assert_uncached(result, expected)


def test_without_package_folder_and_home_the_temporary_folder_serves(
    package, plain_file, expected, tmp_path
):
    (package / "fastnet/kernels/compiled/__pycache__").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {"HOME": plain_file / "home", "TMPDIR": temporary}
    assert run(TRAIN, package, tmp_path, **variables) == expected
    assert list(temporary.glob("fastnet-*/*/*.nbc"))


def test_the_order_of_the_cache_folders(package, plain_file, tmp_path):
    beside = package / "fastnet/kernels/compiled/__pycache__"
    home, xdg, temporary = (tmp_path / name for name in ("home", "xdg", "temporary"))
    temporary.mkdir()
    variables = {"HOME": home, "TMPDIR": temporary}

    def folder(**changes):
        return Path(run(CACHE_FOLDER, package, tmp_path, **variables | changes)).parent

    assert folder() == beside
    assert folder(NUMBA_CACHE_DIR=xdg) == xdg
    shutil.rmtree(beside)
    beside.touch()
    assert folder() == home / ".cache" / "fastnet"
    assert folder(XDG_CACHE_HOME=xdg) == xdg / "fastnet"
    assert folder(XDG_CACHE_HOME=plain_file).parent == temporary


def test_a_temporary_folder_that_others_can_write_is_not_used(package, plain_file, tmp_path):
    # Machine code is loaded from there: whoever wrote it would run in this process.
    (package / "fastnet/kernels/compiled/__pycache__").touch()
    variables = {"HOME": plain_file, "TMPDIR": tmp_path}
    code = "import warnings; warnings.simplefilter('ignore')" + CACHE_FOLDER
    theirs = Path(run(code, package, tmp_path, **variables)).parent
    theirs.chmod(0o777)
    assert run(code, package, tmp_path, **variables) is None


def test_an_edited_kernel_is_not_served_stale(package, filled_cache, expected, tmp_path):
    def result(code):
        return run(code, package, tmp_path, NUMBA_CACHE_DIR=filled_cache)

    doubled = result(TRAIN.replace("0.5", "1.0"))
    assert doubled != expected

    # Steps twice as long, in a helper of another file than the functions that are cached.
    source = package / "fastnet/kernels/compiled/optimizers.py"
    text = source.read_text()
    edited = text.replace("w - learning_rate * g\n", "w - 2 * learning_rate * g\n")
    assert edited != text
    source.write_text(edited)
    assert result(TRAIN) == doubled

    source.write_text(text)
    assert result(TRAIN) == expected


def flip_a_bit(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGES = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "another format": lambda data: b"\x00" * len(data),
    "another pickle": lambda data: b"\x80\x04]\x94K\x07a.",
    "one bit": flip_a_bit,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_file_is_compiled_anew(damage, installed, filled_cache, expected, tmp_path):
    # The smaller half: the large ones take seconds to compile.
    files = sorted(filled_cache.rglob("*.nbc"), key=lambda file: file.stat().st_size)[:4]
    damaged = {file: DAMAGES[damage](file.read_bytes()) for file in files}
    for file, data in damaged.items():
        file.write_bytes(data)
    assert run(TRAIN, installed, tmp_path, NUMBA_CACHE_DIR=filled_cache) == expected
    assert [file for file in files if file.read_bytes() == damaged[file]] == []


# -------------------------------------------------------------------------------------- packages


def test_the_package_works_from_a_zip_file(installed, expected, tmp_path):
    archive = tmp_path / "fastnet.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for source in installed.rglob("*"):
            file.write(source, source.relative_to(installed))
    cache = tmp_path / "xdg"
    assert run(TRAIN, archive, tmp_path, XDG_CACHE_HOME=cache) == expected
    assert list(cache.glob("fastnet/*/*.nbc"))


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    # A copy, so that the build leaves nothing in the checkout.
    checkout = tmp_path / "checkout"
    for name in ("fastnet", "kernels", "tests", "benchmarks"):
        copy(ROOT / name, checkout / name)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, checkout)
    # The hook that pip calls; pip itself would look for the build's requirements.
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    build = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert build.returncode == 0, build.stderr

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    packages = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert {name.split("/")[0] for name in packages} == {"fastnet"}
    sources = {
        file.relative_to(checkout).as_posix().replace("kernels/", "fastnet/kernels/", 1)
        for name in ("fastnet", "kernels")
        for file in (checkout / name).rglob("*.py")
    } | {"fastnet/py.typed"}
    assert "fastnet/kernels/compiled/jit.py" in sources
    assert packages == sources

    # It runs as it is: a wheel of pure Python is a zip file.
    result = run(TRAIN, wheel, tmp_path, FASTNET_BACKEND="reference")
    assert result == run(TRAIN, ROOT, tmp_path, FASTNET_BACKEND="reference")
