"""Whether the box comes back, as the jobs of the service manager say."""

import pytest

from appliance.edge.ending import comes_back, ending
from tests.support.leaks import run

UNDER_SYSTEMD = {"INVOCATION_ID": "5b8d0f", "PATH": "/usr/bin:/bin"}
RESTART = "1203 nmos-appliance.service restart running"


@pytest.mark.parametrize(
    ("jobs", "comes"),
    [
        ([RESTART], True),
        (["77 nmos-appliance.service stop running", "70 reboot.target start waiting"], True),
        (["77 nmos-appliance.service stop running", "70 kexec.target start waiting"], True),
        (["77 nmos-appliance.service stop running", "70 poweroff.target start waiting"], False),
        (["77 nmos-appliance.service stop running"], False),
        (["12 other.service restart running", "", "No jobs running."], False),
        ([], False),
    ],
)
def test_a_restart_and_a_reboot_come_back(jobs: list[str], comes: bool) -> None:
    assert comes_back(jobs) is comes


@pytest.mark.parametrize(
    ("variables", "jobs", "said"),
    [
        (UNDER_SYSTEMD, ("echo", RESTART), "reboot"),
        (UNDER_SYSTEMD, ("echo", "No jobs running."), "shutdown"),
        (UNDER_SYSTEMD, ("false",), "shutdown"),
        (UNDER_SYSTEMD, ("/nonexistent/systemctl",), "shutdown"),
        ({"PATH": "/usr/bin:/bin"}, ("echo", RESTART), "shutdown"),
    ],
)
def test_the_service_manager_is_asked(variables: dict[str, str], jobs: tuple[str, ...], said: str) -> None:
    async def main() -> str:
        return await ending(variables, jobs, patience_s=60)

    assert run(main()) == said


def test_it_is_not_waited_for_long() -> None:
    async def main() -> str:
        return await ending(UNDER_SYSTEMD, ("sleep", "600"), patience_s=0.01)

    assert run(main()) == "shutdown"
