"""The text that Prometheus reads, and what is said where the library is missing."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families as parsed

from appliance.system.metrics import (
    CONTENT_TYPE,
    HistogramReading,
    Metrics,
    Reading,
    by,
    counter,
    counter_by,
    gauge,
)
from appliance.web.messages import Request
from tests.support.leaks import run

SCRAPE = Request("GET", "/metrics")


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = parsed(metrics.text().decode("utf-8"))
    return {
        (sample.name.removeprefix("nmos_appliance_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def readings() -> Iterator[Reading | HistogramReading]:
    yield gauge("warmth", "How warm.", 36.5)
    yield counter("steps", "How many.", 3)
    yield by("state", "doors", "How many doors.", {"open": 1, "shut": 2})
    yield counter_by("status", "answers", "How many.", {"200": 7})
    yield Reading("streams", "By two labels.", {("sender", "idle"): 1.0}, ("role", "phase"))
    yield HistogramReading("turns", "How long.", [("0.1", 4.0), ("+Inf", 5.0)], 1.5)


def test_every_kind_of_reading_becomes_text() -> None:
    found = samples(Metrics(readings))
    assert found["warmth", ()] == 36.5
    assert found["steps_total", ()] == 3
    assert found["doors", (("state", "open"),)] == 1
    assert found["doors", (("state", "shut"),)] == 2
    assert found["answers_total", (("status", "200"),)] == 7
    assert found["streams", (("phase", "idle"), ("role", "sender"))] == 1
    assert found["turns_bucket", (("le", "0.1"),)] == 4
    assert found["turns_count", ()] == 5
    assert found["turns_sum", ()] == 1.5


def test_the_process_itself_is_among_them() -> None:
    found = samples(Metrics(lambda: ()))
    assert found["process_resident_memory_bytes", ()] > 1_000_000
    assert found["process_open_fds", ()] > 2


def test_they_are_read_when_they_are_asked_for() -> None:
    numbers = iter((1.0, 2.0))
    metrics = Metrics(lambda: [gauge("number", "Another each time.", next(numbers))])
    assert [samples(metrics)["number", ()] for _ in range(2)] == [1.0, 2.0]


def test_the_answer_says_what_it_is() -> None:
    answer = run(Metrics(readings).answer(SCRAPE))
    assert (answer.status, answer.content_type) == (200, CONTENT_TYPE)
    assert b"nmos_appliance_warmth 36.5" in answer.payload()


def test_without_the_library_it_says_what_to_install() -> None:
    answer = run(Metrics(readings, needed=("no_such_library",)).answer(SCRAPE))
    assert answer.status == 503
    assert "apt install python3-prometheus-client" in answer.body["error"]
