"""What a reload holds up: the longest callback of the loop in CPU time; and how long all of it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.configs import box_config
from tests.bench.figures import Row, at_most, row
from tests.bench.stage import Stage

_AIM = at_most(5)
_AFTERMATH_S = 0.7


def measure(stage: Stage) -> Iterator[Row]:
    for size in (11, 100, 1100):
        host = stage.host(f"box{size}")
        port = "eth0" if host.cables else "lo"
        config = box_config(size, size, interface=port, mode="peer-to-peer" if host.cables else "off")
        box = stage.new_box(host, measured=True, config=config).start()
        time.sleep(stage.some(3, 1))
        stage.loop_stats(box)
        for what, changed in {
            "one label": config.replace('"In 7"', '"Seven"'),
            "every label": config.replace("Out ", "Output ").replace("In ", "Input "),
            "half of them gone": "[[receivers]]".join(config.split("[[receivers]]")[: size // 2]),
            "and back": config,
        }.items():
            began = time.monotonic()
            answer = box.reload(changed)
            took_ms = (time.monotonic() - began) * 1000
            assert answer.status == 200, answer.body
            time.sleep(_AFTERMATH_S)
            stats = stage.loop_stats(box)
            collected = max((each["max_ms"] for each in stats["collections"]), default=0)
            longest = f"{stats['longest'][0]['callback']}; longest collection {collected:.1f}"
            name = f"{size:,} + {size:,}, {what}"
            yield row(f"longest callback: {name}", "ms CPU", [stats["max_ms"]], aim=_AIM, note=longest)
            yield row(f"until it is done: {name}", "ms", [took_ms])
