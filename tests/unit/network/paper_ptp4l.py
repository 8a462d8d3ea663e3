"""A ptp4l on paper: what linuxptp answers to management messages."""

from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.network.ptp import (
    Action,
    CurrentDataSet,
    DefaultDataSet,
    Id,
    Management,
    ParentDataSet,
    PortDataSet,
    PortIdentity,
    PortState,
    TimePropertiesDataSet,
    parse,
)

US = PortIdentity(bytes(8), 4711)
OWN, MASTER, OTHER = (bytes.fromhex(f"0200{n:02x}fffe000001") for n in (1, 2, 3))
GMID = "02-00-02-ff-fe-00-00-01"


@dataclass
class Ptp4l:
    """Answers as linuxptp does: in its own domain only, and to each id with one message, or with one for each port."""

    domain: int = 127
    ports: dict[int, int] = field(default_factory=lambda: {1: PortState.SLAVE})
    grandmaster: bytes = MASTER
    offset_ns: float = 250.0
    traceable: bool = True
    heard: list[Management] = field(default_factory=list)

    def answer(self, datagram: bytes) -> list[bytes]:
        asked = parse(datagram)
        if asked.domain != self.domain:
            return []
        self.heard.append(asked)
        return [self.message(asked.id, data, asked.sequence, asked.source) for data in self._data(asked.id)]

    def message(self, id: int, data: bytes, sequence: int = 0, target: PortIdentity = US) -> bytes:
        source = PortIdentity(OWN, 0)
        return Management(self.domain, source, target, sequence, Action.RESPONSE, id, data).to_bytes()

    def port_message(self, port: int = 1) -> bytes:
        return self.message(Id.PORT_DATA_SET, PortDataSet(port, self.ports[port]).to_bytes())

    def _data(self, id: int) -> list[bytes]:
        answers: dict[int, Callable[[], list[bytes]]] = {
            Id.DEFAULT_DATA_SET: lambda: [DefaultDataSet(OWN, self.domain).to_bytes()],
            Id.CURRENT_DATA_SET: lambda: [CurrentDataSet(1, self.offset_ns, 0.0).to_bytes()],
            Id.PARENT_DATA_SET: lambda: [ParentDataSet(PortIdentity(MASTER, 1), self.grandmaster).to_bytes()],
            Id.TIME_PROPERTIES_DATA_SET: lambda: [TimePropertiesDataSet(37, True, self.traceable).to_bytes()],
            Id.PORT_DATA_SET: lambda: [PortDataSet(*port).to_bytes() for port in self.ports.items()],
            Id.SUBSCRIBE_EVENTS_NP: list,
        }
        return answers[id]()
