"""Who may import whom, and that both paths have the same kernels: read from the sources alone."""

import ast
import graphlib
import shutil
import sys
from pathlib import Path

import pytest

from fastnet.comparison import bounds
from fastnet.kernels import catalog

ROOT = Path(__file__).resolve().parent.parent

CATALOG = "fastnet.kernels.catalog"
MEMORY = "fastnet.kernels.memory"
REFERENCE = "fastnet.kernels.reference"
COMPILED = "fastnet.kernels.compiled"
JIT = f"{COMPILED}.jit"
BACKEND = "fastnet.backend"

# Numba's compilers and flags. `helper`, `entry` and the others of jit.py stand for them.
COMPILERS = {"njit", "cfunc", "CFunc", "ccallback", "fastmath", "error_model", "nogil"}
# The modules of the package above the kernels, from the bottom to the top: each knows only those
# of its own level and of the levels before it.
LEVELS = (
    "validation plan",
    "custom files losses metrics optimizers schedules threads",
    "backend buffers",
    "architecture initialization",
    "training training.data training.history training.interrupts training.run",
    "training.evaluation training.options training.pace training.progress training.state "
    "training.stopping",
    "training.callbacks training.loop",
    "checkpoints",
    "network",
    "explanation",
    "__init__",
    "comparison comparison.checks",
    "comparison.bounds comparison.problem",
    "comparison.compare demo",
    "doctor warmup",
    "__main__",
)
LEVEL = {
    "fastnet" if module == "__init__" else f"fastnet.{module}": height
    for height, modules in enumerate(LEVELS)
    for module in modules.split()
}


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
        if name not in LEVEL and not is_in(name, "fastnet.kernels"):
            found.append(f"{name} has no level")
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
            elif (
                is_in(other, "fastnet.kernels")
                and name != BACKEND
                and (other not in (CATALOG, MEMORY))
            ):
                found.append(f"{sentence}: only the backend imports a path")
            if LEVEL.get(name, 0) < LEVEL.get(other, 0):
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
    (
        "fastnet/training/loop.py",
        "def f():\n    import numba",
        "Numba lives in the compiled path only",
    ),
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
    ("fastnet/plan.py", "from .training.run import Run", "imports point downwards"),
    ("fastnet/plan.py", "def f():\n    from . import NeuralNetwork", "imports point downwards"),
    ("fastnet/training/data.py", "from .options import Options", "imports point downwards"),
    ("fastnet/optimizers.py", "from .training import state", "imports point downwards"),
    ("fastnet/training/stopping.py", "from .loop import Training", "imports point downwards"),
    ("fastnet/training/loop.py", "from .. import checkpoints", "imports point downwards"),
    ("fastnet/training/callbacks.py", "from .. import network", "imports point downwards"),
    ("fastnet/network.py", "def f():\n    from .demo import run_demo", "imports point downwards"),
    ("fastnet/new.py", "import math", "has no level"),
    ("fastnet/plan.py", "from .buffers import weights", "in a cycle"),
    ("fastnet/training/loop.py", "def f():\n    from .. import network", "in a cycle"),
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
FILES = (
    "activations",
    "averaging",
    "batches",
    "clipping",
    "constraints",
    "dropout",
    "layers",
    "losses",
    "noise",
    "optimizers",
    "penalties",
    "shuffling",
)
# What a compiled kernel may be told beyond the reference's: how far panels are filled, what lies
# behind an address, room, and for a thread's part of the work which part, and what the others know.
MORE = {"rows", "features", "row_stride", "column_stride", "scratch"}
MORE |= {"first", "last", "squared_norm"}
# What only the reference's own training tells it.
OWN = {"drop"}


def functions(path, file):
    """Name -> parameters of the functions of a file."""
    tree = ast.parse((ROOT / "kernels" / path / f"{file}.py").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = [n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)]
    return found


EXPECTED = {
    "activations": [
        *catalog.ACTIVATIONS,
        *(f"{name}_backward" for name in catalog.ACTIVATIONS),
        *(f"{name}_with_slope" for name in catalog.ACTIVATIONS_WITH_SLOPE),
        "slope_backward",
    ],
    "losses": list(catalog.LOSS_KERNELS),
    "optimizers": list(catalog.OPTIMIZERS),
}
# Files that the catalog does not name hold nothing but kernels.
KERNELS = [
    (file, name) for file in FILES for name in EXPECTED.get(file, functions("reference", file))
]


@pytest.mark.parametrize(("file", "name"), KERNELS)
def test_a_compiled_kernel_has_the_parameters_of_its_twin(file, name):
    twin = functions("compiled", file)[name]
    expected = functions("reference", file)[name]
    assert [parameter for parameter in twin if parameter not in MORE] == expected


def test_the_comparison_leaves_no_kernel_out():
    helpers = {"random_bits"}
    assert set(bounds.BOUNDS) == {name for _, name in KERNELS} - helpers


def test_the_catalog_is_consistent():
    assert set(catalog.HIDDEN_ACTIVATIONS) < set(catalog.ACTIVATIONS)
    assert set(catalog.OUTPUT_ACTIVATIONS) < set(catalog.ACTIVATIONS)
    outputs = set(catalog.OUTPUT_ACTIVATIONS)
    pairs = {
        (loss, output) for loss, listed in catalog.OUTPUTS_OF_LOSS.items() for output in listed
    }
    assert {output for _, output in pairs} == set(catalog.LOSS_OF_OUTPUT) == outputs
    assert {(loss, output) for output, loss in catalog.LOSS_OF_OUTPUT.items()} <= pairs
    # A pair has a kernel of the logits, or its loss one of the output.
    assert set(catalog.KERNEL_OF_LOGITS) <= pairs
    for loss, output in pairs:
        kernel = catalog.KERNEL_OF_LOGITS.get((loss, output), loss)
        of_logits = (loss, output) in catalog.KERNEL_OF_LOGITS
        assert kernel in (catalog.KERNELS_OF_LOGITS if of_logits else catalog.KERNELS_OF_OUTPUT)
    # The drop-in's loss goes with the output's own.
    assert set(catalog.DROP_IN_LOSS_OF_OUTPUT) <= outputs
    assert set(catalog.DROP_IN_LOSS_OF_OUTPUT.values()) <= set(catalog.KERNELS_OF_LOGITS)
    assert len(set(catalog.LOSS_KERNELS)) == len(catalog.LOSS_KERNELS)
    # A learning rate is written into the first place at each step.
    assert {numbers[0] for numbers in catalog.OPTIMIZERS.values()} == {"learning_rate"}
    assert set(catalog.OPTIMIZER_STATE) == set(catalog.OPTIMIZERS)


def exported(path):
    tree = ast.parse((ROOT / "kernels" / path / "__init__.py").read_text())
    (names,) = (ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign))
    return names


def test_both_paths_offer_the_same_functions():
    reference = functions("reference", "network") | functions("reference", "training")
    compiled = functions("compiled", "interface")
    names = exported("reference")
    assert names == exported("compiled")
    for name in names:
        assert [p for p in reference[name] if p not in OWN] == compiled[name]
