"""What the mixer wants of the drivers: streams that end at it in place of a sound card, and streams of its own.

Every sender reads its Output from the mixer, and every receiver writes its Input to it. Beside each sender a *capture*
brings what the sender has as its input, whether it sends or not, so that a route to it is heard at once; silence needs
none. Beside each receiver a *sink* plays its Output while any of what is routed there can be heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from appliance.config.mapping import MappingConfig
from appliance.config.model import MediaConfig, ReceiverConfig, SenderConfig
from appliance.core.types import Kind
from appliance.media.engine import AudioFormat, Job, Patch, beside
from appliance.media.jobs import Desired
from appliance.media.mixing import block_frames
from appliance.nmos.is08.matrix import Input, Matrix, Output, Routes

_MIXED_BY = "gstreamer"
"""The one driver whose streams can end at the mixer."""

RoutesOf = Callable[[Output], Routes]
"""What is active."""


class Patching:
    """``endpoints`` by IS-04 id, as the matrix was made of them."""

    def __init__(
        self,
        mapping: MappingConfig,
        media: MediaConfig,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        matrix: Matrix,
    ) -> None:
        self._rate, self._frames = mapping.sample_rate, block_frames(mapping.sample_rate)
        self._mixed = {id: one for id, one in endpoints.items() if (one.driver or media.driver) == _MIXED_BY}
        self._matrix = matrix
        self._inputs = {one.owner[1]: one for one in matrix.inputs.values() if not one.sum_of}
        self._outputs = {one.owner[1]: one for one in matrix.outputs.values()}
        self._captures = dict(self._all_captures())
        self._sinks = dict(self._all_sinks())

    def patched(self, id: str, desired: Desired) -> Desired:
        """What a sender or receiver should be doing with the mixer in between."""
        if not isinstance(desired, Job) or desired.audio is None or id not in self._mixed or id not in self._outputs:
            return desired
        if desired.role == "sender":
            return replace(desired, patch=self._patch(self._outputs[id]))
        return replace(desired, patch=replace(self._patch(self._inputs[id]), channels=desired.audio.channels))

    def beside(self, routes_of: RoutesOf, is_active: Callable[[str], bool]) -> Iterator[tuple[str, Desired]]:
        """What is to run beside the senders and receivers; ``is_active`` says whether a receiver receives."""
        yield from self._captures.items()
        heard = {id for id in self._matrix.inputs if self._is_heard(id, is_active)}
        for id, (output, job) in self._sinks.items():
            yield id, job if any(route is not None and route[0] in heard for route in routes_of(output)) else None

    def _is_heard(self, input_id: str, is_active: Callable[[str], bool]) -> bool:
        kind, id = self._matrix.inputs[input_id].owner
        return is_active(id) if kind is Kind.RECEIVER else beside(id) in self._captures

    def _all_captures(self) -> Iterator[tuple[str, Job]]:
        for id, one in self._mixed.items():
            if isinstance(one, SenderConfig) and id in self._inputs and one.input.kind != "silence":
                audio = AudioFormat("L24", one.sample_rate, one.channels)
                patch = self._patch(self._inputs[id])
                label = one.label or one.name
                yield beside(id), Job(beside(id), "capture", _MIXED_BY, label, (), audio, one.input, patch=patch)

    def _all_sinks(self) -> Iterator[tuple[str, tuple[Output, Job]]]:
        for id, one in self._mixed.items():
            if isinstance(one, ReceiverConfig) and id in self._outputs:
                output = self._outputs[id]
                audio = AudioFormat("L24", self._rate, len(output.channels))
                patch = self._patch(output)
                label = one.label or one.name
                job = Job(beside(id), "sink", _MIXED_BY, label, (), audio, one.output, patch=patch)
                yield beside(id), (output, job)

    def _patch(self, one: Input | Output) -> Patch:
        return Patch(isinstance(one, Input), one.id, len(one.channels), self._rate, self._frames)
