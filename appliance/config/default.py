"""The box without a configuration: one audio sender (a tone) and one audio receiver (the sound card)."""

from __future__ import annotations

from appliance.config.model import Config, DeviceConfig, InputConfig, OutputConfig, ReceiverConfig, SenderConfig


def default_config() -> Config:
    """What comes out of the carton."""
    return Config(
        devices=(DeviceConfig("box", label="Box"),),
        senders=(SenderConfig("tone", device="box", label="Tone", input=InputConfig("tone")),),
        receivers=(ReceiverConfig("speaker", device="box", label="Speaker", output=OutputConfig("alsa")),),
    )
