"""The transport parameters: which sets there are, and for each one what its value must look like.

By kind, as a sender's and a receiver's parameter of one name may differ; no two transports of one kind disagree about
a name. The formats are the ones of schemas.py, named as an error message says them. IS-05 v1.1, sender- and receiver-
transport-params schemas and Behaviour - RTP, WebSocket and MQTT Transport Type; IS-07 Core models section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from appliance.config.model import AUTO, ReceiverConfig, SenderConfig, Transport
from appliance.core.types import JSON, Kind
from appliance.web.schema import UUID

Table: TypeAlias = Mapping[str, JSON]

IS_AUTO: Final = "^auto$"

_PORT: JSON = {"type": ["integer", "string"], "minimum": 1, "maximum": 65535, "pattern": IS_AUTO}
_SOURCE_PORT = _PORT | {"minimum": 0}
_BOOLEAN: JSON = {"type": "boolean"}
_AUTO_BOOLEAN: JSON = {"type": ["string", "boolean"], "enum": [AUTO, True, False]}
_IP: JSON = {"type": "string", "format": "an IP address or auto"}
_UNICAST: JSON = {"type": "string", "format": "a unicast IP address or auto"}
_BLOCK: JSON = {"type": "integer", "minimum": 4, "maximum": 200}
_TOPIC: JSON = {"type": ["string", "null"], "format": "an MQTT topic without wildcards"}
_PROTOCOL: JSON = {"type": "string", "enum": [AUTO, "mqtt", "secure-mqtt"]}
_HOST: JSON = {"type": ["string", "null"], "format": "a host name, an IP address or auto"}
_URL: JSON = {"type": "string", "format": "an http or https URL"}

_SENDER_RTP: Table = {
    "source_ip": _UNICAST,
    "destination_ip": _IP,
    "source_port": _SOURCE_PORT,
    "destination_port": _PORT,
    "rtp_enabled": _BOOLEAN,
}
_SENDER_FEC: Table = {
    "fec_enabled": _BOOLEAN,
    "fec_destination_ip": _IP,
    "fec_type": {"type": "string", "enum": ["XOR", "Reed-Solomon"]},
    "fec_mode": {"type": "string", "enum": ["1D", "2D"]},
    "fec_block_width": _BLOCK,
    "fec_block_height": _BLOCK,
    "fec1D_destination_port": _PORT,
    "fec2D_destination_port": _PORT,
    "fec1D_source_port": _SOURCE_PORT,
    "fec2D_source_port": _SOURCE_PORT,
}
_SENDER_RTCP: Table = {
    "rtcp_enabled": _BOOLEAN,
    "rtcp_destination_ip": _IP,
    "rtcp_destination_port": _PORT,
    "rtcp_source_port": _SOURCE_PORT,
}
_RECEIVER_RTP: Table = {
    "source_ip": {"type": ["string", "null"], "format": "a unicast IP address"},
    "interface_ip": _UNICAST,
    "destination_port": _PORT,
    "rtp_enabled": _BOOLEAN,
}
_RECEIVER_MULTICAST: Table = {"multicast_ip": {"type": ["string", "null"], "format": "a multicast IP address"}}
_RECEIVER_FEC: Table = {
    "fec_enabled": _BOOLEAN,
    "fec_destination_ip": _IP,
    "fec_mode": {"type": "string", "enum": [AUTO, "1D", "2D"]},
    "fec1D_destination_port": _PORT,
    "fec2D_destination_port": _PORT,
}
_RECEIVER_RTCP: Table = {
    "rtcp_enabled": _BOOLEAN,
    "rtcp_destination_ip": _IP,
    "rtcp_destination_port": _PORT,
}
_SENDER_WEBSOCKET: Table = {
    "connection_uri": {"type": ["string", "null"], "format": "a ws or wss URI or auto"},
    "connection_authorization": _AUTO_BOOLEAN,
    "ext_is_07_source_id": {"type": "string", "pattern": UUID},
    "ext_is_07_rest_api_url": _URL,
}
_RECEIVER_WEBSOCKET: Table = {
    "connection_uri": {"type": ["string", "null"], "format": "a ws or wss URI"},
    "connection_authorization": _AUTO_BOOLEAN,
    "ext_is_07_source_id": {"type": ["string", "null"], "pattern": UUID},
    "ext_is_07_rest_api_url": _URL | {"type": ["string", "null"]},
}
_BROKER: Table = {
    "broker_protocol": _PROTOCOL,
    "broker_authorization": _AUTO_BOOLEAN,
    "broker_topic": _TOPIC,
    "connection_status_broker_topic": _TOPIC,
}
_SENDER_MQTT: Table = {
    "destination_host": _HOST,
    "destination_port": _PORT,
    **_BROKER,
    "ext_is_07_rest_api_url": _URL,
}
_RECEIVER_MQTT: Table = {
    "source_host": _HOST,
    "source_port": _PORT,
    **_BROKER,
    "ext_is_07_rest_api_url": _URL | {"type": ["string", "null"]},
}

SCHEMAS: Final[Mapping[Kind, Table]] = {
    Kind.SENDER: {**_SENDER_MQTT, **_SENDER_WEBSOCKET, **_SENDER_RTP, **_SENDER_FEC, **_SENDER_RTCP},
    Kind.RECEIVER: {
        **_RECEIVER_MQTT, **_RECEIVER_WEBSOCKET, **_RECEIVER_RTP, **_RECEIVER_MULTICAST, **_RECEIVER_FEC,
        **_RECEIVER_RTCP,
    },
}  # fmt: skip
"""What a value must look like, by kind and name."""

INITIAL: Final[Mapping[str, object]] = {
    # as in AMWA's examples of what is not initialised; what a controller has to say is off, null or auto
    "fec_enabled": False,
    "fec_type": "XOR",
    "fec_block_width": 4,
    "fec_block_height": 4,
    "rtcp_enabled": False,
    "broker_topic": None,
    "connection_status_broker_topic": None,
    "ext_is_07_source_id": None,
    "ext_is_07_rest_api_url": None,
}
"""What parameters start as that neither the configuration has a say in nor can be ``auto``."""


def names(config: SenderConfig | ReceiverConfig) -> tuple[str, ...]:
    """The transport parameters that this sender or receiver has, the same on every leg."""
    sender = isinstance(config, SenderConfig)
    if config.transport is Transport.WEBSOCKET:
        return tuple(_SENDER_WEBSOCKET if sender else _RECEIVER_WEBSOCKET)
    if config.transport is Transport.MQTT:
        return tuple(_SENDER_MQTT if sender else _RECEIVER_MQTT)
    found = dict(_SENDER_RTP if sender else _RECEIVER_RTP)
    if not sender and config.transport is not Transport.RTP_UCAST:
        found |= _RECEIVER_MULTICAST
    if config.fec:
        found |= _SENDER_FEC if sender else _RECEIVER_FEC
    if config.rtcp:
        found |= _SENDER_RTCP if sender else _RECEIVER_RTCP
    return tuple(found)
