"""`DnsServer`: a unicast DNS server on a host of the LAN that knows of services, and how to make others ask it."""

import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from shutil import rmtree
from socket import AF_INET, SHUT_RD, SOCK_DGRAM
from typing import Any, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.lan.network import Host

DNS_PORT = 53
TTL_S = 10


class DnsServer(AbstractContextManager[Any]):
    """Answers from a table of records; NXDOMAIN for all else. `asked` are the names of all questions."""

    def __init__(self, host: Host, domain: str = "studio.example") -> None:
        self.host = host
        self.domain = domain
        self.asked: list[str] = []
        self._records: dict[tuple[str, str], list[str]] = {}
        self._socket = host.open_socket(AF_INET, SOCK_DGRAM)
        self._socket.bind((host.address(), DNS_PORT))
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(SHUT_RD)  # ends a recvfrom, though a datagram socket was never connected
        self._thread.join()
        self._socket.close()

    def add_service(self, service: str, instance: str, address: str, port: int, **txt: str) -> None:
        """A service such as "_nmos-register._tcp"."""
        name = f"{instance}.{service}"
        self._add(service, "PTR", f"{name}.{self.domain}.")
        self._add(name, "SRV", f"0 0 {port} {instance}.{self.domain}.")
        self._add(name, "TXT", " ".join(f'"{key}={value}"' for key, value in txt.items()))
        self._add(instance, "A", address)

    def used_by(self, host: Host) -> None:
        """Make this host's resolver ask here, and search the domain: as if DHCP had said so."""
        folder = Path("/etc/netns") / host.name
        folder.mkdir(parents=True)
        host.lan.at_close(lambda: rmtree(folder))
        text = f"nameserver {self.host.address()}\nsearch {self.domain}\n"
        (folder / "resolv.conf").write_text(text, encoding="ascii")

    def _add(self, name: str, rtype: str, value: str) -> None:
        self._records.setdefault((f"{name}.{self.domain}.", rtype), []).append(value)

    def _serve(self) -> None:
        while True:
            try:
                packet, asker = self._socket.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return
            query = dns.message.from_wire(packet)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA | dns.flags.RA
            question = query.question[0]
            name, rtype = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(name)
            if values := self._records.get((name, rtype)):
                answer.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", rtype, *values))
            elif not any(known == name for known, _ in self._records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), asker)
