"""`python -m tests.bench [--only NAME]... [--quick] [--list]`; `make bench` runs all of them."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Row, number
from tests.bench.load import generator
from tests.bench.plot import growth_plot
from tests.bench.registry import BENCHES, Bench
from tests.bench.report import about, last_figures, save, table
from tests.bench.stage import Stage, can_make_namespaces
from tests.lan.box import CHECKOUT

_RUNS = CHECKOUT / "build" / "bench"
_SHOWN_OF_A_LOG = 2000


def main() -> int:
    """0; 1 where a bench could not be carried through. Figures, however bad, fail nothing."""
    arguments = _parser().parse_args()
    if arguments.list:
        print("\n".join(f"{bench.name:<10} {bench.purpose}" for bench in BENCHES))
        return 0
    namespaces = can_make_namespaces() and not arguments.loopback
    before = last_figures(_RUNS, quick=arguments.quick, namespaces=namespaces)
    circumstances = about(quick=arguments.quick, load_generator=generator(), namespaces=namespaces)
    rows: dict[str, list[Row]] = {}
    failed = left_out = 0
    for bench in BENCHES:
        if arguments.only and bench.name not in arguments.only:
            continue
        if bench.needs_network and not namespaces:
            left_out += 1
            _say(f"{bench.name}: left out: it needs hosts of its own, and so root and iproute2")
            continue
        _say(f"{bench.name}: {bench.purpose}")
        rows[bench.name] = []
        failed += not _carried_through(bench, rows[bench.name], quick=arguments.quick, namespaces=namespaces)
    print(table(rows, before))
    print(_summary(circumstances, left_out, failed))
    file = save(_RUNS, rows, circumstances)
    print(f"written to {file.relative_to(CHECKOUT)}")
    if plot := growth_plot(each for measured in rows.values() for each in measured):
        drawing = file.with_suffix(".svg")
        drawing.write_text(plot, encoding="utf-8")
        print(f"growth drawn in {drawing.relative_to(CHECKOUT)}")
    return 1 if failed else 0


def _carried_through(bench: Bench, rows: list[Row], *, quick: bool, namespaces: bool) -> bool:
    """Collect the bench's rows; whatever goes wrong in it is shown, and the next one has its turn."""
    with TemporaryDirectory(prefix="bench-") as folder:
        try:
            with Stage(Path(folder), quick=quick, namespaces=namespaces) as stage:
                for each in bench.measure(stage):
                    _say(f"  {each.what}: {number(each.figure)} {each.unit}")
                    rows.append(each)
        except Exception:  # noqa: BLE001 - one bench's trouble must not cost the figures of the others
            traceback.print_exc()
            for log in sorted(Path(folder).glob("*.log")):
                _say(f"{log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-_SHOWN_OF_A_LOG:]}")
            return False
    return True


def _summary(circumstances: dict[str, object], left_out: int, failed: int) -> str:
    """How to read the table."""
    lines = [
        "",
        "aim: to reach now; goal: to reach in the end; ✗: not reached. last: change of the median since the last run.",
        f"load by {circumstances['load_generator']} on the same {circumstances['cpus']} cores",
        f"load average before: {circumstances['load_average']:.1f}",
    ]
    if left_out:
        lines.append(f"over loopback only: {left_out} benches need network namespaces (root) and were left out")
    if failed:
        lines.append(f"{failed} benches could not be carried through; see above")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the product; asserts nothing.")
    names = [bench.name for bench in BENCHES]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="this bench; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="a few samples of each: does it work, and roughly how fast"
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    parser.add_argument("--loopback", action="store_true", help="as without root: no namespaces, loopback only")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
