"""The registry of contenders: who trains, and who predicts.

Each contender is a function of a workload, run as an expert in that library would run it. It
returns a function without arguments, which is what is measured: training takes the workload's
steps from its initial parameters and returns the final ones, a list of (weight (n_in, n_out),
bias (n_out,)); prediction returns the outputs, (rows, n_L). Whatever can be done once, before, is
done outside of that function.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import exported, jax_jit, ours, plain, pytorch, scikit_learn


@dataclass(frozen=True)
class Contender:
    """A way to train or to predict.

    Attributes
    ----------
    prepare : function
        Of a workload; returns the function that is measured.
    libraries : tuple of str
        The names by which they are imported.
    programs : tuple of str
        What has to be on the path besides.
    peer : bool
        Whether it is somebody else's.
    exact : bool
        Whether it has the reference's formulas, and differs by rounding alone.
    """

    name: str
    prepare: Callable
    libraries: tuple[str, ...]
    programs: tuple[str, ...] = ()
    peer: bool = True
    exact: bool = True

    def left_out(self) -> str | None:
        """Why it cannot take part here, or None."""
        for library in self.libraries:
            if importlib.util.find_spec(library) is None:
                return f"{library} is not installed"
        for program in self.programs:
            if shutil.which(program) is None:
                return f"there is no {program}"
        return None


def _registry(*contenders):
    return {contender.name: contender for contender in contenders}


_CXX = os.environ.get("CXX", "g++")
TRAINING = _registry(
    Contender("reference", partial(ours.train, "reference"), ("numpy",), peer=False),
    Contender("compiled", partial(ours.train, "compiled"), ("numba",), peer=False),
    Contender("scikit-learn", scikit_learn.train, ("sklearn",), exact=False),
    Contender("PyTorch", pytorch.train_eager, ("torch",)),
    Contender("torch.compile", pytorch.train_compiled, ("torch",), (_CXX,)),
    Contender("JAX", jax_jit.train, ("jax",)),
)
PREDICTION = _registry(
    Contender("compiled", ours.predict, ("numba",), peer=False),
    Contender("NumPy", plain.predict, ("numpy",)),
    Contender("scikit-learn", scikit_learn.predict, ("sklearn",)),
    Contender("PyTorch", pytorch.predict, ("torch",)),
    Contender("JAX", jax_jit.predict, ("jax",)),
    Contender("ONNX Runtime", exported.predict_onnxruntime, ("onnx", "onnxruntime")),
    Contender("OpenVINO", exported.predict_openvino, ("onnx", "openvino")),
)
LEFT_OUT = {
    contender.name: reason
    for contender in (TRAINING | PREDICTION).values()
    if (reason := contender.left_out())
}
