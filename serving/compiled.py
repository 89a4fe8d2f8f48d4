"""Functions compiled to machine code by numba, which hold no lock of the interpreter while they run.

What is compiled is kept beside the source, so that it is done once an installation: a fraction of a second a function.
A kept function does not notice that one it calls in another module has changed, so each calls only those of its own.

Not allowed to the compiler: to assume that there are no infinities, as -inf stands for what must not be listed.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

_F = TypeVar("_F", bound=Callable[..., object])
_FASTMATH = {"reassoc", "contract", "arcp", "nsz"}  # sums in any order, so that they run in parallel lanes
_all: list[Any] = []
_not_kept: list[Any] = []


def compiled(function: _F) -> _F:
    """The function as machine code, compiled when it is called for the first time."""
    made = numba.njit(nogil=True, error_model="numpy", fastmath=_FASTMATH)(function)
    _all.append(made)
    _not_kept.append(made)
    return cast("_F", made)


def keep_compiled() -> None:
    """Have what is compiled from now on kept on disk, and what is there used; it is not done by an import.

    Where nothing can be written, neither beside the source nor in the user's cache, each process compiles it anew.
    """
    while _not_kept:
        try:
            _not_kept.pop().enable_caching()
        except RuntimeError:  # numba's word for having found no folder
            _not_kept.clear()


def signatures() -> dict[str, str]:
    """For which types each function was compiled, or loaded."""
    return {made.__qualname__ + "@" + made.__module__: str(made.signatures) for made in _all}
