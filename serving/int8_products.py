"""Products of whole numbers by the processor's own instruction for them (AVX-512 VNNI), where it has one.

`vpdpbusd` multiplies 64 bytes by 64 bytes, of which the first are without a sign, and adds each four products to one of
16 sums. No compiler makes it of a loop, so it is written as such. What is multiplied stands in groups of sixteen, four
components of each one after the other; a query's components are of two digits of 7 bits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from serving.arrays import Floats
from serving.compiled import compiled

__all__ = ()

LANES, QUAD, BIAS, DIGIT = 16, 4, 128, 128  # items of a group, components at once, of a code, of the higher digit
MOST = 127 * DIGIT  # a query's component, at most
_TOGETHER = 4  # queries, or groups for a single query: so many sums hide that each takes four cycles
_DIGITS = 2

Codes = npt.NDArray[np.int32]  # each of four bytes


class OfQueries(NamedTuple):
    """`(u,)` each: units of their components, what the bias of codes adds to sums, and what products lose."""

    units: Floats
    biases: Codes
    less: Floats


class OfItems(NamedTuple):
    """`(n,)` each: units of their components, and what products are multiplied by in the end."""

    units: Floats
    scale: Floats


def _pays() -> bool:
    """Whether the processor has the instruction, and numba compiles for just this one."""
    return config.CPU_NAME is None and config.CPU_FEATURES is None and "+avx512vnni" in get_host_cpu_features()


PAYS = _pays()


def _tile(queries: int, groups: int) -> Callable[..., None]:
    """Multiplies some queries by some groups, `(quads, queries, 2)` by `(groups, quads, 16)`; writes their sums.

    sums: `(queries, 2, groups, 16)`.
    """
    whole, lanes, place = ir.IntType(32), ir.VectorType(ir.IntType(32), LANES), ir.IntType(64)
    instruction = ir.FunctionType(lanes, [lanes, lanes, lanes])
    nothing, zeros = ir.Constant(lanes, ir.Undefined), ir.Constant(lanes, [0] * LANES)

    def write(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        *arrays, quads = given
        codes, steps, sums = (
            builder.bitcast(context.make_array(kind)(context, builder, each).data, whole.as_pointer())
            for kind, each in zip(signature.args[:-1], arrays, strict=True)
        )
        totals = [cgutils.alloca_once_value(builder, zeros) for _ in range(queries * _DIGITS * groups)]
        with cgutils.for_range(builder, quads) as loop:
            of_groups = []
            for group in range(groups):
                row = builder.add(builder.mul(quads, ir.Constant(place, group)), loop.index)
                at = builder.gep(codes, [builder.mul(row, ir.Constant(place, LANES))])
                of_groups.append(builder.load(builder.bitcast(at, lanes.as_pointer()), align=4))
            first = builder.mul(loop.index, ir.Constant(place, queries * _DIGITS))
            for step in range(queries * _DIGITS):
                one = builder.load(builder.gep(steps, [builder.add(first, ir.Constant(place, step))]))
                one = builder.insert_element(nothing, one, ir.Constant(whole, 0))
                all_alike = builder.shuffle_vector(one, nothing, zeros)
                for group in range(groups):
                    total = totals[step * groups + group]
                    operands = [of_groups[group], all_alike, builder.load(total)]
                    added = builder.asm(instruction, "vpdpbusd $2, $1, $0", "=v,v,v,0", operands, side_effect=False)
                    builder.store(added, total)
        for number, total in enumerate(totals):
            at = builder.gep(sums, [ir.Constant(place, LANES * number)])
            builder.store(builder.load(total), builder.bitcast(at, lanes.as_pointer()), align=4)
        return context.get_dummy_value()

    def multiply(typingctx: Any, codes: Any, steps: Any, sums: Any, quads: Any) -> Any:  # names that numba asks for
        del typingctx
        return types.void(codes, steps, sums, quads), write

    made: Callable[..., None] = intrinsic(multiply)
    return made


if PAYS:
    llvmlite.binding.initialize_native_asmparser()
_four_queries, _four_groups = _tile(_TOGETHER, 1), _tile(1, _TOGETHER)


@compiled
def products_of_many(codes: Codes, steps: Codes, by: OfQueries, items: OfItems, found: Floats) -> None:
    """Write products of queries `(4·u,)` and items, `(4·u, 16·groups)`, as `OfQueries` and `OfItems` have them.

    codes: `(groups, quads, 16)`. steps: `(u, quads, 4, 2)`.
    """
    sums, quads = np.empty((_TOGETHER, _DIGITS, LANES), np.int32), codes.shape[1]
    for group in range(len(codes)):
        of_group, first = codes[group], group * LANES
        units, scale = items.units[first : first + LANES], items.scale[first : first + LANES]
        for each in range(len(steps)):
            _four_queries(of_group, steps[each], sums, quads)
            for number in range(_TOGETHER):
                query = _TOGETHER * each + number
                to = found[query, first : first + LANES]
                unit, bias, less = by.units[query], by.biases[query], by.less[query]
                for lane in range(LANES):
                    total = np.int32(sums[number, 0, lane] * np.int32(DIGIT) + sums[number, 1, lane] - bias)
                    to[lane] = (np.float32(total) * unit * units[lane] - less) * scale[lane]


@compiled
def products_of_one(codes: Codes, steps: Codes, by: OfQueries, items: OfItems, found: Floats) -> None:
    """The same of a single query: steps `(quads, 1, 2)`, by `(1,)` each, found `(1, 16·groups)`; groups by four."""
    sums, quads = np.empty((_DIGITS, _TOGETHER, LANES), np.int32), codes.shape[1]
    unit, bias, less = by.units[0], by.biases[0], by.less[0]
    for group in range(0, len(codes), _TOGETHER):
        _four_groups(codes[group : group + _TOGETHER], steps, sums, quads)
        for number in range(_TOGETHER):
            first = (group + number) * LANES
            to, units = found[0, first : first + LANES], items.units[first : first + LANES]
            scale = items.scale[first : first + LANES]
            for lane in range(LANES):
                total = np.int32(sums[0, number, lane] * np.int32(DIGIT) + sums[1, number, lane] - bias)
                to[lane] = (np.float32(total) * unit * units[lane] - less) * scale[lane]
