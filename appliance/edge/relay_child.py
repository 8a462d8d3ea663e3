"""The relay: a process between a receiver's sockets and its player, so that the player never has to be started anew.

It starts the player (a command line, which gets one end of ``data`` as its only other descriptor), reads the packets of
the legs every few milliseconds, and hands on what media/playout.py makes of them. The daemon (edge/relay.py) gives it
the legs' sockets over ``control``, at the beginning and at each switch, and is told on standard output, as a line of
JSON, what came on each leg. When the player ends, so does the relay, in the same way; and it ends with the daemon.

As it is started for each take from nothing, it does the slow thing first, the player, and loads the rest meanwhile.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SIGPIPE = 13
"""Python ignores it, and what it starts would too. Importing signal costs 4 ms."""


def main(arguments: list[str]) -> None:
    control, data, player_end, *sound = map(int, arguments[:7])
    player = arguments[7:]
    for descriptor in (control, data):
        os.set_inheritable(descriptor, False)
    pid = os.posix_spawnp(player[0], player, os.environ, setsigdef=[_SIGPIPE])
    os.close(player_end)
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from appliance.edge.relaying import Relaying  # while the player loads itself

    Relaying(control, data, pid, *sound).run()


if __name__ == "__main__":
    main(sys.argv[1:])
