"""What senders and receivers over RTP must say of their driver, and of where the essence comes from and goes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from appliance.config.ends import CommandConfig
from appliance.config.model import Config, EndpointConfig, Format, ReceiverConfig, SenderConfig
from appliance.media.drivers import DRIVERS

Problem = tuple[str, str]

INPUTS: Mapping[Format, tuple[str, ...]] = {
    Format.AUDIO: ("tone", "silence", "file", "alsa"),
    Format.VIDEO: ("pattern", "file", "v4l2"),
    Format.MUX: ("pattern", "file"),
}
OUTPUTS: Mapping[Format, tuple[str, ...]] = {
    Format.AUDIO: ("alsa", "file", "none"),
    Format.VIDEO: ("kms", "wayland", "display", "file", "none"),
    Format.MUX: ("kms", "wayland", "display", "file", "none"),
}


def media(config: Config) -> Iterator[Problem]:
    """[media] itself."""
    yield from _driver("media.driver", config.media.driver)
    if not 0 < config.media.latency_ms <= 10_000:
        yield "media.latency_ms", f"must be over 0 and at most 10000, not {config.media.latency_ms:g}"


def rtp(key: str, endpoint: SenderConfig | ReceiverConfig, config: Config) -> Iterator[Problem]:
    """A sender or receiver over RTP."""
    if endpoint.driver is not None:
        yield from _driver(f"{key}.driver", endpoint.driver)
    driver = endpoint.driver or config.media.driver
    yield from _command(f"{key}.command", endpoint, driver)
    for name in ("fec", "rtcp"):
        if getattr(endpoint, name) and driver == "gstreamer":
            yield f"{key}.{name}", f'the gstreamer driver does no {name.upper()}; driver = "null" leaves it to others'
    if isinstance(endpoint, SenderConfig):
        if driver == "gstreamer" or endpoint.input != type(endpoint.input)():
            yield from _end(f"{key}.input", endpoint.format, endpoint.input.kind, endpoint.input.path, INPUTS)
        yield from _tone(f"{key}.input", endpoint)
    elif driver == "gstreamer" or endpoint.output != type(endpoint.output)():
        yield from _end(f"{key}.output", endpoint.format, endpoint.output.kind, endpoint.output.path, OUTPUTS)


def _driver(key: str, name: str) -> Iterator[Problem]:
    if name not in DRIVERS:
        choices = " or ".join(f'"{choice}"' for choice in DRIVERS)
        yield key, f'must be {choices}, not "{name[:60]}"'


def _command(key: str, endpoint: EndpointConfig, driver: str) -> Iterator[Problem]:
    command = endpoint.command
    if driver != "command":
        if command != CommandConfig():
            yield key, f"is for the command driver, and this is {driver}"
        return
    if not command.argv or not command.argv[0]:
        yield f"{key}.argv", "is missing: which program?"
    for index, argument in enumerate(command.argv):
        if "\0" in argument:
            yield f"{key}.argv[{index}]", "must not have a NUL in it"
    if command.sockets and isinstance(endpoint, SenderConfig):
        yield f"{key}.sockets", "is for receivers"


def _end(
    key: str, format: Format, kind: str, path: str | None, allowed: Mapping[Format, tuple[str, ...]]
) -> Iterator[Problem]:
    kinds = allowed.get(format, ())
    if not kinds:
        return
    if kind not in kinds:
        yield f"{key}.kind", f"must be {' or '.join(f'{chr(34)}{name}{chr(34)}' for name in kinds)} for {format}"
    elif kind == "file" and not path:
        yield f"{key}.path", "is missing: which file?"


def _tone(key: str, sender: SenderConfig) -> Iterator[Problem]:
    if not 1 <= sender.input.frequency_hz <= sender.sample_rate / 2:
        yield f"{key}.frequency_hz", f"must be 1 to half the sample rate, not {sender.input.frequency_hz:g}"
    if not -120 <= sender.input.level_db <= 0:
        yield f"{key}.level_db", f"must be -120 to 0 (dB below full scale), not {sender.input.level_db:g}"
