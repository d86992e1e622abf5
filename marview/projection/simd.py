"""Vector (SIMD) operations for Numba kernels that process all slices of a batch at once.

Plain Numba loops over slices are two to four times slower, because the compiler must assume that the
input and output arrays overlap. These operations use explicit vectors: the values of `lanes` slices are
adjacent in memory and fit into registers.
"""
# ruff: noqa: ARG001 - numba calls all of these with the same arguments

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default
from numba.extending import intrinsic

operation: Any = intrinsic
function: Any = cgutils.get_or_insert_function

LOADED, STORED = 0, 1


class Lanes(types.Type):
    """Numba type of a vector with `count` elements."""

    def __init__(self, element: types.Float, count: int) -> None:
        self.element = element
        self.count = count
        super().__init__(name=f"Lanes({element}, {count})")


@register_default(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Lanes) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            manager, fe_type, ir.VectorType(_element_ir(fe_type), fe_type.count)
        )


def _element_ir(lanes: Lanes) -> ir.Type:
    return ir.DoubleType() if lanes.element.bitwidth == 64 else ir.FloatType()


def _address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, lanes: Lanes) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    element = builder.gep(data, [offset])
    return builder.bitcast(element, ir.VectorType(_element_ir(lanes), lanes.count).as_pointer())


def _spread(builder: Any, scalar: Any, vector: ir.VectorType) -> Any:
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    )


@operation
def load(typing_context: Any, array: Any, offset: Any, lanes: Any) -> Any:
    """Load a vector of `lanes` numbers from a flat array, starting at `offset`; `lanes` must be a literal."""
    if not isinstance(lanes, types.IntegerLiteral):
        return None
    vector = Lanes(array.dtype, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, array, arguments[0], arguments[1], vector)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return vector(array, types.uintp, lanes), generate


@operation
def store(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Store a vector in a flat array, starting at `offset`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, array, arguments[0], arguments[1], value)
        builder.store(arguments[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.uintp, value), generate


@operation
def multiply_add(typing_context: Any, value: Any, weight: Any, total: Any) -> Any:
    """Compute `value * weight + total` for vectors; `weight` may also be a scalar."""
    is_vector = isinstance(weight, Lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one, factor, sum_so_far = arguments
        vector = one.type
        name = f"llvm.fmuladd.v{total.count}f{total.element.bitwidth}"
        fused = function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        return builder.call(fused, [one, factor if is_vector else _spread(builder, factor, vector), sum_so_far])

    return total(value, value if is_vector else total.element, total), generate


@operation
def zeros_like(typing_context: Any, value: Any) -> Any:
    """Create a vector of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(arguments[0].type, None)

    return value(value), generate


@operation
def spread(typing_context: Any, number: Any, like: Any) -> Any:
    """Create a vector with the same number in every element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0], arguments[1].type)

    return like(like.element, like), generate


@operation
def product(typing_context: Any, one: Any, other: Any) -> Any:
    """Multiply two vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return one(one, one), generate


@operation
def quotient(typing_context: Any, one: Any, other: Any) -> Any:
    """Divide one vector by another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fdiv(*arguments)

    return one(one, one), generate


@operation
def root(typing_context: Any, value: Any) -> Any:
    """Compute the square root of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        name = f"llvm.sqrt.v{value.count}f{value.element.bitwidth}"
        return builder.call(function(builder.module, ir.FunctionType(vector, [vector]), name), arguments)

    return value(value), generate


@operation
def clip(typing_context: Any, value: Any, low: Any, high: Any) -> Any:
    """Clip each element of a vector to the range from `low` to `high`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        inside = arguments[0]
        for bound, comparison in ((arguments[1], ">"), (arguments[2], "<")):
            limit = _spread(builder, bound, inside.type)
            inside = builder.select(builder.fcmp_ordered(comparison, inside, limit), inside, limit)
        return inside

    return value(value, value.element, value.element), generate


@operation
def split(typing_context: Any, whole: Any, offset: Any, value: Any, most: Any) -> Any:
    """Split each element of a vector into an integer part of at most `most`, and a remainder.

    The integer parts are written to a flat int32 array at `offset`; the remainders are returned.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[2].type
        integers = ir.VectorType(ir.IntType(32), vector.count)
        found = builder.fptosi(arguments[2], integers)
        limit = _spread(builder, builder.trunc(arguments[3], integers.element), integers)
        found = builder.select(builder.icmp_signed("<", found, limit), found, limit)
        data = context.make_array(whole)(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), integers.as_pointer())
        builder.store(found, pointer, align=4)
        return builder.fsub(arguments[2], builder.sitofp(found, vector))

    return value(whole, types.uintp, value, types.int64), generate


@operation
def transpose(  # type: ignore[no-untyped-def]
    typing_context: Any, source, source_at, source_step, target, target_at, target_step, factors, factors_at, width,
    side,
):  # fmt: skip
    """Transpose a block of `width` by `width` numbers from one flat array into another.

    In each array, the first row of the block starts at index `..._at`, and each further row starts `..._step`
    elements later. The factors start at `factors_at`.

    Unless `factors` is None, each row is multiplied element by element by `width` factors: before the
    transposition if `side` is `LOADED`, after it if `side` is `STORED`. `width` (a power of two) and
    `side` must be literals.
    """
    if not isinstance(width, types.IntegerLiteral) or not isinstance(side, types.IntegerLiteral):
        return None
    size = width.literal_value
    lanes = Lanes(source.dtype, size)
    has_factors, on_load = factors is not types.none, side.literal_value == LOADED

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        align = source.dtype.bitwidth // 8
        taken, at, step, given, to, to_step, weights, weights_at = arguments[:8]

        def place(kind: Any, array: Any, start: Any, stride: Any, row: int) -> Any:
            offset = builder.add(start, builder.mul(stride, ir.Constant(stride.type, row)))
            return _address(context, builder, kind, array, offset, lanes)

        vectors = [builder.load(place(source, taken, at, step, row), align=align) for row in range(size)]
        scale: Any = None
        if has_factors:
            scale = builder.load(_address(context, builder, factors, weights, weights_at, lanes), align=align)
        if has_factors and on_load:
            vectors = [builder.fmul(vector, scale) for vector in vectors]
        distance = 1
        while distance < size:  # swap blocks of one, two, four ... numbers
            low = [j if not j & distance else size + (j ^ distance) for j in range(size)]
            high = [j ^ distance if not j & distance else size + j for j in range(size)]
            for row in range(size):
                if not row & distance:
                    pair = vectors[row], vectors[row | distance]
                    vectors[row] = builder.shuffle_vector(*pair, _mask(low))
                    vectors[row | distance] = builder.shuffle_vector(*pair, _mask(high))
            distance *= 2
        if has_factors and not on_load:
            vectors = [builder.fmul(vector, scale) for vector in vectors]
        for row, vector in enumerate(vectors):
            builder.store(vector, place(target, given, to, to_step, row), align=align)
        return context.get_dummy_value()

    offset = types.uintp
    return types.void(source, offset, offset, target, offset, offset, factors, offset, width, side), generate


def _mask(indices: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), indices)
