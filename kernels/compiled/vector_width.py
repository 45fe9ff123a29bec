"""Vectors as wide as the processor has, for the loops that LLVM makes vectors of.

On some processors it prefers half of that, for the sake of other code than ours.
"""

from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

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
