"""What is optimised how often: a kernel once, and its helpers as parts of it.

Numba optimises each function and makes machine code of it before it is linked into its callers,
where the same happens again. A helper is never called on its own, so all of that is left to the
kernel that it ends in: the first training compiles in two thirds of the time. The kernel Numba
optimises twice, to see in between which references to objects need not be counted: here there
are few, if any. Some of its passes are left out altogether.
"""

import contextlib
import gc

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.typed_passes import NativeLowering

from .vector_width import WideLowering

# Passes of Numba's that look for what no kernel has: closures, expressions of whole arrays,
# branches on None. They are an eighth of what it does in Python.
NEEDLESS = {"inline_closure_likes", "nopython_rewrites", "dead_branch_prune"}


def pipelines(state, lowering=NativeLowering):
    """Numba's own pipeline without these passes, and with `lowering` for its own."""
    pipeline = DefaultPassBuilder.define_nopython_pipeline(state)
    pipeline.passes = [
        (lowering if stage is NativeLowering else stage, description)
        for stage, description in pipeline.passes
        if stage.name() not in NEEDLESS
    ]
    pipeline.finalize()
    return [pipeline]


@contextlib.contextmanager
def without_garbage_collection():
    """What Numba makes of a function's code lives until it is compiled: to look for what does not
    takes a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class KernelLibrary(JITCodeLibrary):
    """Code that has next to nothing to do with objects."""

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class HelperLibrary(KernelLibrary):
    """Code that is linked into other libraries only."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        return 0

    @property
    def codegen(self):
        return _WithoutEnvironments(self._codegen)


class _WithoutEnvironments:
    """A code generator for functions that have no address to write an environment to."""

    def __init__(self, codegen):
        self._codegen = codegen

    def __getattr__(self, name):
        return getattr(self._codegen, name)

    def set_env(self, name, environment):
        pass


class HelperCompiler(CompilerBase):
    """That pipeline, with such a library."""

    def define_pipelines(self):
        state = self.state
        if state.library is None:
            state.library = HelperLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return pipelines(state)


class KernelCompiler(CompilerBase):
    """That pipeline, with such a library, without pauses, and for the widest vectors."""

    def compile_extra(self, func):
        with without_garbage_collection():
            return super().compile_extra(func)

    def define_pipelines(self):
        state = self.state
        if state.library is None:
            state.library = KernelLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
        return pipelines(state, WideLowering)
