"""A process that commits as fast as its disk takes it: `python -m tests.integration.kept_process DIRECTORY`.

It says `seed UUID from NUMBER` once, then the number of each commit, and is made to be killed.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.files import StateDirectory, StateWriter
from appliance.system.clock import SystemClock


async def main(folder: Path) -> None:
    directory = StateDirectory(folder)
    kept = directory.open()
    assert kept.seed is not None
    store = Store(SystemClock())
    store.restore(kept.resources(), kept.aspects())
    last = store.aspect("connection", "left") or {"number": 0}
    print(f"seed {kept.seed} from {last['number']}", flush=True)
    writer = StateWriter(directory, store, kept.seed, gather_s=0.002, compact_above=20_000)
    store.subscribe(writer.on_change)
    writer.start()
    for number in itertools.count(last["number"] + 1):
        with store.transaction("test") as tx:
            tx.put(Kind.NODE, {"id": "n", "label": str(number)})
            for side in ("left", "right"):
                tx.attach("connection", side, {"number": number, "text": "x" * (number % 500)})
        print(number, flush=True)
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
