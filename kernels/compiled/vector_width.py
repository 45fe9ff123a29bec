"""How kernels are compiled: with vectors as wide as the processor has.

On some processors LLVM prefers half of that for the loops that it makes vectors of, for the sake
of other code than ours.
"""

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

from .linking import KernelLibrary, without_garbage_collection

PREFERENCE = '"prefer-vector-width"="512"'


class WideLower(Lower):
    def pre_lower(self):
        super().pre_lower()
        attributes = self.function.attributes
        # llvmlite knows no such attribute; it looks only at what its own `add` is given.
        if isinstance(attributes, set):
            set.add(attributes, PREFERENCE)


@register_pass(mutates_CFG=True, analysis_only=False)
class WideLowering(NativeLowering):
    _name = "fastnet_wide_lowering"
    lowering_class = WideLower


class KernelCompiler(CompilerBase):
    """Numba's own pipeline, with this preference and what `linking` spares."""

    def compile_extra(self, func):
        with without_garbage_collection():
            return super().compile_extra(func)

    def define_pipelines(self):
        state = self.state
        if state.library is None:
            state.library = KernelLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
        pipeline = DefaultPassBuilder.define_nopython_pipeline(state)
        pipeline.passes = [
            (WideLowering if stage is NativeLowering else stage, description)
            for stage, description in pipeline.passes
        ]
        pipeline.finalize()
        return [pipeline]
