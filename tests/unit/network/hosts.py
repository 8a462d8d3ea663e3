"""Hosts on paper: interfaces, states, and a kernel whose routes are written down."""

from collections.abc import Mapping

from appliance.network.model import Address, Interface, NetworkState, Route
from appliance.network.roles import with_roles


def interface(
    name: str,
    *addresses: str,
    index: int = 2,
    up: bool = True,
    carrier: bool = True,
    multicast: bool = True,
    port_of: str | None = None,
    over: str | None = None,
    speed_mbps: int | None = None,
) -> Interface:
    """An Ethernet interface; addresses as "10.1.0.3/24"."""
    return Interface(
        name=name,
        index=index,
        mac=f"02:00:00:00:00:{index:02x}",
        up=up,
        carrier=carrier,
        loopback=False,
        multicast=multicast,
        mtu=1500,
        addresses=tuple(Address(text.partition("/")[0], int(text.partition("/")[2])) for text in addresses),
        port_of=port_of,
        over=over,
        speed_mbps=speed_mbps,
    )


LOOPBACK = Interface(
    name="lo",
    index=1,
    mac=None,
    up=True,
    carrier=True,
    loopback=True,
    multicast=False,
    mtu=65536,
    addresses=(Address("127.0.0.1", 8), Address("::1", 128)),
)


def host(*interfaces: Interface, media: tuple[str, ...] = (), control: str | None = None) -> NetworkState:
    """A host that has loopback and these interfaces."""
    return with_roles(NetworkState({i.name: i for i in (LOOPBACK, *interfaces)}), media, control)


class Kernel:
    """Routes by destination, or by "destination interface" for look-ups that name one."""

    def __init__(self, routes: Mapping[str, Route] | None = None) -> None:
        self._routes = routes or {}

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        return self._routes.get(f"{destination} {interface}" if interface else destination)
