"""`python -m tests.fuzz [--seconds N] [TARGET...]`: each target for so long, guided by coverage (atheris).

What it finds is written to build/fuzz/TARGET/, and ends the run with an error; its findings of earlier runs are tried
first. Each target has a process of its own, as libFuzzer never returns.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path("build") / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=int, default=20, help="for each target (default: 20)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    arguments = parser.parse_args()
    if arguments.child:
        return fuzz(arguments.child, arguments.seconds)
    from tests.fuzz.targets import TARGETS

    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    failed = []
    for name in arguments.targets or TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(arguments.seconds), "--child", name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        last = next(
            (line for line in reversed(done.stderr.splitlines()) if line.startswith("#") and "cov:" in line),
            "nothing was run",
        )
        print(f"{name:18} {'ok' if done.returncode == 0 else 'FAILED':7} {last[:90]}", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stderr[-4000:])
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> int:
    """In a process of its own; it does not come back from the fuzzer."""
    import atheris

    with atheris.instrument_imports(include=["appliance"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    found = HERE / name
    corpus = found / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.corpus()):
        (corpus / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=0", str(corpus)], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
