"""`python -m tests.soak [--minutes N] [--seed N] [--only ACT]`; `make soak` runs an hour of it.

In rounds: some acts, in an order that the seed gives; then all is left in peace for a moment, and every box is looked
at. At the end each kind of sample is judged (`flatness`), the table is printed and everything is written to
build/soak/. The exit code is 1 where something grew, a box ended or wrote a traceback, an act failed or a fuzzer found
something.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from tests.bench.report import about
from tests.lan.box import CHECKOUT
from tests.lan.network import Lan
from tests.soak.acts import ACTS, Act, tidy
from tests.soak.flatness import BOUNDS, Verdict, judged
from tests.soak.place import Place
from tests.soak.samples import sample
from tests.soak.turns import Turns

_ACTS_A_ROUND = 4
_REST_S = 2.0
_FEWEST_ROUNDS = 4
_RUNS = CHECKOUT / "build" / "soak"

Series = dict[str, dict[str, list[tuple[float, float]]]]
"""Box → kind → (seconds since the begin, how much)."""


@dataclass(slots=True)
class Soak:
    """What has been seen so far."""

    series: Series = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def look(self, place: Place, at: float) -> None:
        for box in place.boxes:
            for kind, amount in sample(box).items():
                self.series.setdefault(box.name, {}).setdefault(kind, []).append((at, amount))

    def verdicts(self) -> dict[str, list[Verdict]]:
        return {
            name: [judged(kind, kinds[kind], bound) for kind, bound in BOUNDS.items() if kind in kinds]
            for name, kinds in self.series.items()
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Boxes on a LAN that is never quiet.")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="another one is another order of events (default: 1)")
    parser.add_argument("--only", action="append", metavar="ACT", help="this act; may be repeated")
    parser.add_argument("--alone", action="store_true", help="no fuzzers and no chaos beside it")
    arguments = parser.parse_args()
    acts = [act for act in ACTS if not arguments.only or act.__name__ in arguments.only]
    if not acts:
        parser.error(f"no such act; there are {', '.join(act.__name__ for act in ACTS)}")
    _RUNS.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-", dir=_RUNS))
    soak, turns = Soak(), Turns(folder)
    circumstances = about(quick=False, load_generator="", namespaces=True)
    with Lan(folder) as lan:
        place = Place(lan, folder)
        if arguments.alone:
            _run(soak, place, acts, arguments.minutes * 60, random.Random(arguments.seed))
        else:
            with turns:
                _run(soak, place, acts, arguments.minutes * 60, random.Random(arguments.seed))
        soak.failures += [f"{box.name} ended" for box in place.boxes if not box.alive]
        soak.failures += [f"{box.name} did not end well" for box in place.boxes if box.alive and box.stop()]
        soak.failures += [f"{box.name}: a traceback in its log" for box in place.boxes if "Traceback" in box.log]
    soak.failures += turns.failed
    verdicts = soak.verdicts()
    print(_table(verdicts))
    print(f"acts: {', '.join(f'{name} {count}' for name, count in sorted(soak.acts.items()))}")
    print(f"beside it: {len(turns.done)} turns of fuzzers and chaos")
    for failure in soak.failures:
        print(f"FAILED: {failure}")
    _save(folder, soak, verdicts, {**circumstances, **vars(arguments), "turns": turns.done})
    return 1 if soak.failures or not all(one.flat for each in verdicts.values() for one in each) else 0


def _run(soak: Soak, place: Place, acts: Sequence[Act], seconds: float, chance: random.Random) -> None:
    began = time.monotonic()
    rounds = 0
    while rounds < _FEWEST_ROUNDS or time.monotonic() < began + seconds:
        rounds += 1
        for act in chance.choices(acts, k=_ACTS_A_ROUND):
            soak.acts[act.__name__] += 1
            try:
                act(place, chance)
            except Exception as error:  # noqa: BLE001 - the soak goes on, and says at the end what went wrong
                soak.failures.append(f"round {rounds}, {act.__name__}: {type(error).__name__}: {str(error)[:500]}")
                traceback.print_exc()
        if not all(box.alive for box in place.boxes):
            return
        tidy(place)
        time.sleep(_REST_S)
        soak.look(place, time.monotonic() - began)
        if rounds % 10 == 0:
            print(f"{(time.monotonic() - began) / 60:.1f} min: {_now(soak.series)}", file=sys.stderr, flush=True)


def _now(series: Series) -> str:
    return "; ".join(f"{name} {kinds['rss_kib'][-1][1] / 1024:.1f} MiB" for name, kinds in series.items())


def _table(verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    lines = [
        f"{'box':<8} {'what':<12} {'first':>9} {'then: least':>12} {'most':>9} {'last':>9} {'growth':>9} {'bound':>6}"
    ]
    for name, each in verdicts.items():
        lines += [
            f"{name:<8} {one.kind:<12} {one.first:>9.0f} {one.least:>12.0f} {one.most:>9.0f} {one.last:>9.0f}"
            f" {one.growth:>+9.1f} {one.bound:>6.0f}{'' if one.flat else '  GROWS'}"
            for one in each
        ]
    return "\n".join(lines)


def _save(
    folder: Path, soak: Soak, verdicts: Mapping[str, Sequence[Verdict]], circumstances: Mapping[str, object]
) -> None:
    found = {
        "about": circumstances,
        "failures": soak.failures,
        "acts": soak.acts,
        "verdicts": {name: [{**asdict(one), "flat": one.flat} for one in each] for name, each in verdicts.items()},
        "series": soak.series,
    }
    (folder / "soak.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"written to {(folder / 'soak.json').relative_to(CHECKOUT)}")


if __name__ == "__main__":
    raise SystemExit(main())
