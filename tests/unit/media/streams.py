"""Jobs and networks that the tests of media share."""

from dataclasses import replace

from appliance.config.model import InputConfig, OutputConfig
from appliance.media.engine import AudioFormat, Job, Leg
from appliance.network.model import Address, Interface, NetworkState

L24 = AudioFormat("L24", 48_000, 2)

GROUP = Leg("eth0", "10.1.0.2", "239.1.1.1", 5004)
RECEIVER = Job("r", "receiver", "gstreamer", "Loudspeaker", (GROUP,), L24, OutputConfig("none"))
SENDER = Job(
    "s",
    "sender",
    "gstreamer",
    "Microphone",
    (replace(GROUP, source_ip="10.1.0.2", source_port=5004),),
    L24,
    InputConfig("tone"),
)


def on(job: Job, group: str) -> Job:
    """The same job with another destination."""
    return replace(job, legs=(replace(job.legs[0], destination_ip=group),))


def interface(name: str, index: int, *addresses: str) -> Interface:
    return Interface(
        name=name,
        index=index,
        mac=f"02:00:00:00:00:{index:02x}",
        up=True,
        carrier=True,
        loopback=False,
        multicast=True,
        mtu=1500,
        addresses=tuple(Address(ip, 64 if ":" in ip else 24) for ip in addresses),
    )


NETWORK = NetworkState(
    {
        "eth0": interface("eth0", 2, "10.1.0.2", "fd01::2"),
        "eth1": interface("eth1", 3, "10.2.0.2"),
    },
    media=("eth0", "eth1"),
)
