"""What the box counts, as Prometheus text: read off its parts when somebody asks, and never before.

The library makes the text (Debian's python3-prometheus-client); it is imported at the first scrape, which costs some
10 ms once and 1 MB at most. Without a scrape the metrics cost nothing, and there are no threads, no timers and no
registry for the whole process. A scrape takes 2 ms. Every label has a handful of values: none comes from the network.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from appliance.web.messages import Answer, Request, error_answer

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

PREFIX = "nmos_appliance_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MISSING = "metrics need the Python package prometheus_client: apt install python3-prometheus-client"
_NEEDED = ("http.server", "wsgiref.simple_server", "urllib.request", "prometheus_client")
"""The library, and before it what it imports: in pieces the loop is not held up by the whole."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric now. ``values`` by the values of its ``labels``; one without labels has the one key ``()``.

    ``name`` is without the prefix of the product and, for a counter, without ``_total``.
    """

    name: str
    meaning: str
    values: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


@dataclass(frozen=True, slots=True)
class HistogramReading:
    """``buckets``: (upper end, how many were no more), the last one ``+Inf``; ``sum`` of all that was observed."""

    name: str
    meaning: str
    buckets: list[tuple[str, float]] = field(default_factory=list)
    sum: float = 0.0


Readings = Callable[[], Iterable[Reading | HistogramReading]]


def gauge(name: str, meaning: str, value: float) -> Reading:
    return Reading(name, meaning, {(): float(value)})


def counter(name: str, meaning: str, value: float) -> Reading:
    return Reading(name, meaning, {(): float(value)}, kind="counter")


def by(label: str, name: str, meaning: str, values: Mapping[str, float]) -> Reading:
    """A gauge for each value of one label."""
    return Reading(name, meaning, {(key,): float(value) for key, value in values.items()}, (label,))


def counter_by(label: str, name: str, meaning: str, values: Mapping[str, float]) -> Reading:
    """A counter for each value of one label."""
    return replace(by(label, name, meaning, values), kind="counter")


class Metrics:
    """Answers ``GET /metrics`` with what ``readings`` gives at that moment, and what the kernel knows of us."""

    def __init__(self, readings: Readings, needed: Sequence[str] = _NEEDED) -> None:
        self._readings = readings
        self._needed = needed
        self._registry: CollectorRegistry | None = None

    async def answer(self, _request: Request) -> Answer:
        """200, or 503 with what to install."""
        if self._registry is None and not await _imported(self._needed):
            return error_answer(503, MISSING)
        return Answer(self.text(), content_type=CONTENT_TYPE)

    def text(self) -> bytes:
        """ImportError where the library is not there."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        if self._registry is None:
            self._registry = CollectorRegistry(auto_describe=False)
            ProcessCollector(registry=self._registry)
            self._registry.register(_Collector(self._readings))
        return bytes(generate_latest(self._registry))


class _Collector:
    """What the library's registry asks at each scrape; it knows of nothing beforehand."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings():
            yield _histogram(reading) if isinstance(reading, HistogramReading) else _family(reading)


def _family(reading: Reading) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    kind = CounterMetricFamily if reading.kind == "counter" else GaugeMetricFamily
    family = kind(PREFIX + reading.name, reading.meaning, labels=reading.labels)
    for labels, value in reading.values.items():
        family.add_metric(labels, value)
    return family


def _histogram(reading: HistogramReading) -> Metric:
    from prometheus_client.metrics_core import HistogramMetricFamily

    return HistogramMetricFamily(PREFIX + reading.name, reading.meaning, buckets=reading.buckets, sum_value=reading.sum)


async def _imported(names: Sequence[str]) -> bool:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            return False
        await asyncio.sleep(0)
    return True
