"""A LAN on one machine: switches, hosts, cables, and what runs on the hosts.

- `network`: `Lan` and its `Host`s, each a network namespace
- `box`: the appliance under test, started on a host
- `peer`, `documents`: a fake NMOS node that does what it is told, and valid resources for it
- `observer`, `avahi`, `capture`: what others see: by zeroconf, by avahi, on the wire

Root is needed. All that is made bears the process id in its name and goes when the `Lan` is closed.
"""
