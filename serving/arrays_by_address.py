"""Arrays that compiled code finds by their addresses, where it needs a few of very many.

To hand over an array takes the interpreter longer than short work on it does, and a list of arrays cannot be handed
over at all. So whoever keeps the arrays keeps a table of their addresses, too; and the arrays, as long as it does.
"""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic

__all__ = ["pointer_to_bytes", "pointer_to_floats", "pointer_to_numbers"]


def _pointer_to(kind: types.Type) -> Callable[[int], Any]:
    def point(typingctx: Any, address: Any) -> Any:  # names that numba asks for
        del typingctx

        def write(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(address), write

    made: Callable[[int], Any] = intrinsic(point)
    return made


# For `numba.carray`.
pointer_to_numbers, pointer_to_floats = _pointer_to(types.int32), _pointer_to(types.float32)
pointer_to_bytes = _pointer_to(types.uint8)
