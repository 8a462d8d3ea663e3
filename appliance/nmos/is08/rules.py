"""What an Output may be routed from (IS-08 Behaviour - Input Constraints, Output Routing Constraints).

Each rule looks at one whole Output as it would be, and says with :class:`BadRequest` which rule is broken, by which
channels of which Input.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.errors import BadRequest
from appliance.nmos.is08.matrix import Input, Matrix, Output, Route, Routes


def check(output: Output, routes: Routes, inputs: Mapping[str, Input]) -> None:
    """:class:`BadRequest` where ``output`` cannot be routed so."""
    _check_routable(output, routes)
    for id in dict.fromkeys(route[0] for route in routes if route is not None):
        one = inputs[id]
        if not one.reordering:
            _check_order(output, routes, one)
        if one.block_size > 1:
            _check_blocks(output, routes, one)


def first_routes(output: Output, matrix: Matrix) -> Routes:
    """What an Output has before anybody routes it: its own Input, one to one as far as that has channels, or nothing
    where that is not allowed."""
    own = matrix.inputs[output.own]
    routes = tuple((own.id, n) if n < len(own.channels) else None for n in range(len(output.channels)))
    return routes if is_allowed(output, routes, matrix.inputs) else (None,) * len(routes)


def is_allowed(output: Output, routes: Routes, inputs: Mapping[str, Input]) -> bool:
    try:
        check(output, routes, inputs)
    except BadRequest:
        return False
    return True


def exists(route: Route, inputs: Mapping[str, Input]) -> bool:
    return route is None or (route[0] in inputs and 0 <= route[1] < len(inputs[route[0]].channels))


def _check_routable(output: Output, routes: Routes) -> None:
    if output.routable is None:
        return
    for channel, route in enumerate(routes):
        if route is not None and route[0] not in output.routable:
            allowed = ", ".join(sorted(output.routable))
            raise BadRequest(
                f"action.{output.id}.{channel}.input: {route[0]} cannot be routed to {output.id}, only {allowed}"
            )


def _check_order(output: Output, routes: Routes, one: Input) -> None:
    """One fixed offset between the channels of the Input and those of this Output."""
    placed = [(channel, route[1]) for channel, route in enumerate(routes) if route is not None and route[0] == one.id]
    first, first_index = placed[0]
    for channel, index in placed:
        if channel - index != first - first_index:
            raise BadRequest(
                f"action.{output.id}.{channel}.channel_index: {one.id} does not reorder its channels: with "
                f"{first_index} at {first}, {index} can only be at {index + first - first_index}"
            )


def _check_blocks(output: Output, routes: Routes, one: Input) -> None:
    """Wherever one channel of a block is, all of the block is around it, in order."""
    size = one.block_size
    for channel, route in enumerate(routes):
        if route is None or route[0] != one.id:
            continue
        begin, first = channel - route[1] % size, route[1] - route[1] % size
        block = tuple((one.id, first + n) for n in range(size))
        if begin < 0 or routes[begin : begin + size] != block:
            raise BadRequest(
                f"action.{output.id}.{channel}.channel_index: {one.id} is routed in blocks of {size}: with channel "
                f"{route[1]} go {first} to {first + size - 1}, next to each other and in this order"
            )
