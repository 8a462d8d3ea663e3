"""What a receiver can take, and whether a stream fits it, in sentences: by the capabilities that everybody is told."""

from __future__ import annotations

from appliance.core.types import JSON
from appliance.nmos.caps.match import LABEL, Misfit, enabled_sets, out_of_caps, satisfied_sets
from appliance.nmos.caps.stream import Stream
from appliance.nmos.is05.receiverfile import read_session
from appliance.nmos.is05.sdp.facts import capability_facts
from appliance.nmos.is05.sdp.model import SdpError
from appliance.panel.items import Fit
from appliance.panel.text import MAX_SENTENCE, clean


def takes(label: str, caps: JSON) -> str:
    """ "Speaker can take: L24, 48 kHz, up to 8 channels; ..."."""
    sets = [str(one.get(LABEL, "a kind of stream without a name")) for one in enabled_sets(caps)]
    return f"{label} can take: {'; '.join(sets)}."


def misfit_of_file(sdp: str | None, caps: JSON) -> str | None:
    """Why what a transport file describes does not fit (any more: capabilities change, and a file is kept)."""
    stream = _stream_of(sdp)
    found: Misfit | None = out_of_caps(stream, caps) if stream else None
    return None if found is None else f"What it is told to show does not fit: {clean(found.reason, MAX_SENTENCE)}."


def fit_sentence(label: str, fit: Fit, stream: Stream, caps: JSON) -> str:
    """Whether the source of that label would fit, and as which of the receiver's constraint sets."""
    if fit.verdict != "yes":
        says = "does not fit" if fit.verdict == "no" else "may fit"
        return f"{label} {says}: {fit.reason}."
    best = next((one.get(LABEL) for one in satisfied_sets(stream, caps)), None)
    return f"{label} fits{f', as {best}' if best else ''}."


def _stream_of(sdp: str | None) -> Stream | None:
    if not sdp:
        return None
    try:
        return Stream(told=capability_facts(read_session(sdp)))
    except SdpError:  # kept by an earlier release that read it differently
        return None
