"""Which adapter a host gets."""

from appliance.config.model import NetworkConfig
from appliance.edge.host_network import open_host_network


def test_the_hosts_network_is_opened_with_what_the_configuration_says_of_it() -> None:
    network = open_host_network(NetworkConfig(interfaces=("lo",), control="lo"))
    state = network.snapshot()
    assert (state.media, state.control) == (("lo",), "lo")
    assert state.interfaces["lo"].loopback
    network.close()


def test_it_is_read_anew_where_other_interfaces_are_to_be_used_and_not_at_each_reload() -> None:
    """What pyroute2 answers is cycles, which a reload may leave behind for ever."""
    network = open_host_network(NetworkConfig(interfaces=("lo",), control="lo"))
    before = network.snapshot()
    network.assign(["lo"], "lo")
    assert network.snapshot() is before
    network.assign([], "lo")
    assert network.snapshot().media != ("lo",)
    network.close()
