"""Asks one host by mDNS directly, past all multicast (RFC 6762 section 5.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
)

ANSWER_S = 1.0
_MDNS_PORT = 5353
_QUERY, _CLASS_IN, _PTR = 0, 1, 12
_ASKED = ("_nmos-node._tcp", "_nmos-register._tcp", "_nmos-query._tcp", "_services._dns-sd._udp")

_log = logging.getLogger(__name__)


async def ask_directly(address: str) -> tuple[str, ...]:
    """The services that the responder at ``address`` names, the most telling first; empty where nobody answers.

    From a port of our own, so that the answer comes to it alone (section 6.7) and is taken from nobody else.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _FirstAnswer(answered), remote_addr=(address, _MDNS_PORT)
        )
    except OSError as error:
        _log.debug("%s cannot be asked: %s", address, error)
        return ()
    try:
        question = DNSOutgoing(_QUERY, multicast=False)
        for name in _ASKED:
            question.add_question(DNSQuestion(f"{name}.local.", _PTR, _CLASS_IN))
        for packet in question.packets():
            transport.sendto(packet)
        data = await asyncio.wait_for(answered, ANSWER_S)
    except (TimeoutError, OSError) as error:
        _log.debug("%s does not answer: %s", address, error)
        return ()
    finally:
        transport.close()
    answers: Any = DNSIncoming(data).answers  # a property in release 0.47, later a method
    return _services(answers() if callable(answers) else answers)


class _FirstAnswer(asyncio.DatagramProtocol):
    def __init__(self, answered: asyncio.Future[bytes]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at that port."""
        if not self._answered.done():
            self._answered.set_exception(exc)


def _services(records: Iterable[DNSRecord]) -> tuple[str, ...]:
    """Instances before types: only their host answers for them."""
    aliases = [record.alias for record in records if isinstance(record, DNSPointer)]
    return tuple(sorted(dict.fromkeys(aliases), key=lambda alias: alias.startswith("_")))
