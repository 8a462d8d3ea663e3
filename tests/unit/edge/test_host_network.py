"""Which adapter a host gets."""

from appliance.config.model import NetworkConfig
from appliance.edge.host_network import open_host_network


def test_the_hosts_network_is_opened_with_what_the_configuration_says_of_it() -> None:
    network = open_host_network(NetworkConfig(interfaces=("lo",), control="lo"))
    state = network.snapshot()
    assert (state.media, state.control) == (("lo",), "lo")
    assert state.interfaces["lo"].loopback
    network.close()
