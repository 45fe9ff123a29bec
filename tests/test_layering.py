"""Who may import whom, and that both paths have the same kernels: read from the sources alone."""

import ast
import graphlib
import shutil
import sys
from pathlib import Path

import pytest

from fastnet.kernels import catalog

ROOT = Path(__file__).resolve().parent.parent

CATALOG = "fastnet.kernels.catalog"
REFERENCE = "fastnet.kernels.reference"
COMPILED = "fastnet.kernels.compiled"
JIT = f"{COMPILED}.jit"
BACKEND = "fastnet.backend"

# Numba's compilers and flags. `helper`, `entry` and the others of jit.py stand for them.
COMPILERS = {"njit", "cfunc", "CFunc", "ccallback", "fastmath", "error_model", "nogil"}
# What checks input or describes a network knows nothing of those who use it.
LOWEST = {"fastnet.validation", "fastnet.plan"}
UPPER = {"fastnet", "fastnet.network", "fastnet.training", BACKEND}


def sources(root):
    """Module name -> (is it a package's __init__, syntax tree), named as when installed."""
    modules = {}
    for folder, prefix in ((root / "fastnet", ()), (root / "kernels", ("fastnet",))):
        for file in sorted(folder.rglob("*.py")):
            parts = (*prefix, *file.relative_to(root).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            modules[name] = is_package, ast.parse(file.read_text(), str(file))
    return modules


def imports(name, modules):
    """The modules that a module imports, at the top or inside of functions, by absolute name."""
    is_package, tree = modules[name]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = name.split(".")[: None if is_package else -1]
                above = parents[: len(parents) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            # `from package import module` imports the module, `from module import name` not.
            for alias in node.names:
                member = f"{base}.{alias.name}"
                found.add(member if member in modules else base)
    return found


def is_in(name, package):
    return name == package or name.startswith(f"{package}.")


def words(tree):
    """Every name, attribute, keyword, imported name and whole string in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from node.module.split(".")


def violations(root):
    """A sentence for each import or word that the layering does not allow."""
    modules = sources(root)
    graph = {name: imports(name, modules) for name in modules}
    found = []
    for name, imported in graph.items():
        for other in sorted(imported):
            top = other.split(".")[0]
            sentence = f"{name} imports {other}"
            if name == CATALOG:
                found.append(f"{sentence}: the catalog imports nothing")
            if is_in(name, REFERENCE) and not (
                is_in(other, REFERENCE)
                or other == CATALOG
                or top == "numpy"
                or top in sys.stdlib_module_names
            ):
                found.append(f"{sentence}: the reference is NumPy and the catalog only")
            if top in ("numba", "llvmlite") and not is_in(name, COMPILED):
                found.append(f"{sentence}: Numba lives in the compiled path only")
            if is_in(name, "fastnet.kernels"):
                if top == "fastnet" and not is_in(other, "fastnet.kernels"):
                    found.append(f"{sentence}: kernels know nothing of the package above them")
            elif is_in(other, "fastnet.kernels") and name != BACKEND and other != CATALOG:
                found.append(f"{sentence}: only the backend imports a path")
            if name in LOWEST and other in UPPER:
                found.append(f"{sentence}: imports point downwards")
        used = set(words(modules[name][1]))
        if name != JIT:
            found += [f"{name} mentions {word}: only jit does" for word in sorted(COMPILERS & used)]
        if name != BACKEND and {"import_module", "__import__"} & used:
            found.append(f"{name} imports by a computed name: only the backend does")
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found.append(f"modules import each other in a cycle: {' '.join(error.args[1])}")
    return found


def test_imports_point_one_way():
    assert violations(ROOT) == []


# (file, line that does not belong there, what is found)
PLANTED = [
    ("kernels/catalog.py", "import math", "the catalog imports nothing"),
    ("kernels/catalog.py", "from . import reference", "the catalog imports nothing"),
    ("kernels/reference/losses.py", "import scipy.special", "NumPy and the catalog only"),
    ("kernels/reference/network.py", "from ..compiled import table", "NumPy and the catalog only"),
    ("kernels/reference/layers.py", "import numba", "Numba lives in the compiled path only"),
    ("fastnet/plan.py", "from llvmlite import ir", "Numba lives in the compiled path only"),
    ("fastnet/training.py", "def f():\n    import numba", "Numba lives in the compiled path only"),
    ("kernels/compiled/losses.py", "from numba import njit", "mentions njit"),
    ("kernels/compiled/losses.py", "import numba\nnumba.cfunc('void()')", "mentions cfunc"),
    ("kernels/compiled/binding.py", "from numba.core.ccallback import CFunc", "mentions CFunc"),
    ("kernels/compiled/binding.py", "from numba.core.ccallback import x", "mentions ccallback"),
    ("kernels/compiled/rows.py", "dict(fastmath=True)", "mentions fastmath"),
    ("kernels/compiled/rows.py", "{'error_model': 'numpy'}", "mentions error_model"),
    ("fastnet/network.py", "x = {'nogil': True}", "mentions nogil"),
    ("fastnet/network.py", "from .kernels import compiled", "only the backend imports a path"),
    ("fastnet/network.py", "from .kernels.reference import losses", "only the backend imports"),
    ("fastnet/buffers.py", "import fastnet.kernels.compiled.table", "only the backend imports"),
    ("fastnet/buffers.py", "from . import kernels", "only the backend imports a path"),
    ("fastnet/plan.py", "import importlib\nimportlib.import_module('x')", "by a computed name"),
    ("kernels/reference/network.py", "from ...plan import Plan", "nothing of the package above"),
    ("kernels/compiled/program.py", "import fastnet.buffers", "nothing of the package above"),
    ("fastnet/validation.py", "from . import network", "imports point downwards"),
    ("fastnet/validation.py", "from .backend import load", "imports point downwards"),
    ("fastnet/plan.py", "from .training import Run", "imports point downwards"),
    ("fastnet/plan.py", "def f():\n    from . import NeuralNetwork", "imports point downwards"),
    ("fastnet/plan.py", "from .buffers import weights", "in a cycle"),
    ("fastnet/training.py", "def f():\n    from .network import NeuralNetwork", "in a cycle"),
    ("kernels/reference/losses.py", "from .training import train", "in a cycle"),
    ("kernels/compiled/jit.py", "from . import binding", "in a cycle"),
]


@pytest.mark.parametrize(("file", "line", "rule"), PLANTED)
def test_a_planted_violation_is_caught(file, line, rule, tmp_path):
    for name in ("fastnet", "kernels"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    before = violations(tmp_path)
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}\n")
    planted = [sentence for sentence in violations(tmp_path) if sentence not in before]
    assert [sentence for sentence in planted if rule in sentence], planted


# ------------------------------------------------------------------------- both paths, one set

# The files whose functions are kernels: the compiled ones are held to the reference's, one by one.
FILES = ("activations", "batches", "layers", "losses", "optimizers", "shuffling")
# What a compiled kernel may be told beyond the reference's: how far panels are filled, and room.
MORE = {"rows", "scratch"}


def functions(path, file):
    """Name -> parameters of the functions of a file."""
    tree = ast.parse((ROOT / "kernels" / path / f"{file}.py").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = [n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)]
    return found


EXPECTED = {
    "activations": [*catalog.ACTIVATIONS, *(f"{n}_backward" for n in catalog.HIDDEN_ACTIVATIONS)],
    "losses": catalog.LOSSES,
    "optimizers": catalog.OPTIMIZERS,
}


@pytest.mark.parametrize("path", ["reference", "compiled"])
@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, names in EXPECTED.items() for name in names]
)
def test_every_name_of_the_catalog_has_its_kernel(path, file, name):
    assert name in functions(path, file)


def test_the_catalog_is_consistent():
    outputs = set(catalog.OUTPUT_ACTIVATIONS)
    assert outputs == set(catalog.LOSS_OF_OUTPUT) == set(catalog.DROP_IN_LOSS_OF_OUTPUT)
    losses = {*catalog.LOSS_OF_OUTPUT.values(), *catalog.DROP_IN_LOSS_OF_OUTPUT.values()}
    assert losses == set(catalog.LOSSES)


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file in FILES for name in functions("reference", file)]
)
def test_a_compiled_kernel_has_the_parameters_of_its_twin(file, name):
    twin = functions("compiled", file)[name]
    expected = functions("reference", file)[name]
    assert [parameter for parameter in twin if parameter not in MORE] == expected


def exported(path):
    tree = ast.parse((ROOT / "kernels" / path / "__init__.py").read_text())
    (names,) = (ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign))
    return names


def test_both_paths_offer_the_same_functions():
    reference = functions("reference", "network") | functions("reference", "training")
    compiled = functions("compiled", "interface")
    names = exported("reference")
    assert names == exported("compiled")
    assert {name: reference[name] for name in names} == {name: compiled[name] for name in names}
