"""``reload``: the box reads its configuration again. The service manager's ``systemctl reload`` is this command."""

from __future__ import annotations

from appliance.commands.client import Daemon


def reload(daemon: Daemon) -> int:
    """Say what changed; a refusal names every reason, and the box goes on as it was."""
    print(f"reloaded: {daemon.post('/panel/reload', {})['changed']}")
    return 0
