"""The other side of `puppet`: reads orders from stdin and has them done by the methods of an object."""

import asyncio
import json
import sys
import traceback
from typing import Any

_LONGEST_LINE = 256 * 1024 * 1024


async def obey(puppet: object) -> None:
    """Do what comes until stdin ends: `{"command": "hold", "arguments": {...}}` awaits `puppet.hold(...)`."""
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"result": "ready"}), flush=True)
    while line := await reader.readline():
        print(json.dumps(await _done(puppet, line)), flush=True)


async def _done(puppet: object, line: bytes) -> dict[str, Any]:
    try:
        order = json.loads(line)
        return {"result": await getattr(puppet, order["command"])(**order["arguments"])}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test must hear of it
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
