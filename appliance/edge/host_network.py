"""The adapter to the network that this host has."""

from __future__ import annotations

import logging
import socket

from appliance.config.model import NetworkConfig
from appliance.edge.netlink import NetlinkNetwork
from appliance.edge.portable_network import PortableNetwork
from appliance.network.model import Network

log = logging.getLogger(__name__)


def open_host_network(config: NetworkConfig) -> Network:
    """The network, opened and read: by netlink where there is such a thing, else by netifaces."""
    if hasattr(socket, "AF_NETLINK"):
        netlink = NetlinkNetwork(config.interfaces, config.control)
        try:
            netlink.open()
        except (ImportError, OSError) as why:
            netlink.close()
            log.warning("no netlink (%s): the network is read by netifaces and its changes are not followed", why)
        else:
            return netlink
    portable = PortableNetwork(config.interfaces, config.control)
    portable.open()
    return portable
