"""A transport file given to a receiver: whether it fits, and what transport parameters it stands for."""

from __future__ import annotations

import functools

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.caps.match import out_of_caps
from appliance.nmos.caps.stream import Stream
from appliance.nmos.is05.constraints import Addresses
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.sdp.model import SdpError, Session
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import capability_facts, narrow, to_transport_params

_KEPT_FILES = 32


def read_file(endpoint: Endpoint, addresses: Addresses, caps: JSON, text: str) -> list[JSON]:
    """Transport parameters for each leg; :class:`BadRequest` says why the file is none, or none for this receiver.

    ``caps`` are the receiver's (IS-04): only streams of its ``media_types`` are looked at, and the first must satisfy
    its constraint sets.
    """
    if not endpoint.transport.is_rtp:
        raise BadRequest(f"transport_file.data: must be null, as {endpoint.transport} has no transport files")
    try:
        session = read_session(text)
        if media_types := caps.get("media_types"):
            session = narrow(session, media_types)
        _check_fit(caps, session)
        legs = range(len(endpoint.legs))
        return to_transport_params(
            session,
            legs=len(legs),
            receiver_addresses=[addresses.of_leg(endpoint, leg) for leg in legs],
            parameters=endpoint.parameters,
        )
    except SdpError as error:
        raise BadRequest(f"transport_file.data: {error.message}") from None


@functools.lru_cache(maxsize=_KEPT_FILES)
def read_session(text: str) -> Session:
    """The same file goes to many receivers, and again with each re-activation: what was read is kept, it is frozen."""
    return parse(text)


def origin_of(text: str | None) -> str | None:
    """The address in a file's o= line: who made it, most often who sends."""
    if text is None:
        return None
    try:
        origin = read_session(text).origin
    except SdpError:  # kept by an earlier release that read it differently: only a hint is lost
        return None
    return origin.address if origin else None


def _check_fit(caps: JSON, session: Session) -> None:
    """What the file does not tell is not held against it (BCP-006-01 JPEG XS IS-05 Senders and Receivers)."""
    if found := out_of_caps(Stream(told=capability_facts(session)), caps):
        raise BadRequest(f"transport_file.data: {found.reason}", debug=found.parameter)
