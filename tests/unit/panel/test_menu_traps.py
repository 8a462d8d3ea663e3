"""What of the network may keep a stream from working is shown where people look."""

from tests.unit.panel.worlds import AUDIO, Scene, audio_entry, connection, id_of

TRAP = "eth0: it will be dropped"


def condition(scene: Scene) -> tuple[str, list[str]]:
    return scene.menu.status.health, list(scene.menu.status.problems)


def test_a_trap_is_a_worry_of_the_box_and_a_reason_of_the_receiver() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.connect(AUDIO, connection(id_of("Mic"), reason=["eth0: the first"]))
    scene.menu.set_traps(AUDIO, (TRAP,))
    receiver = scene.menu.receiver(AUDIO)
    assert receiver
    assert receiver.why == ("eth0: the first", f"trap: {TRAP}")
    assert condition(scene) == ("warning", [f"{receiver.label}: {TRAP}"])
    scene.menu.set_traps(AUDIO, ())
    assert condition(scene) == ("ok", [])


def test_one_of_the_box_itself_has_no_label() -> None:
    scene = Scene()
    scene.menu.set_traps("", ("eth0 and eth1 are one",))
    assert condition(scene) == ("warning", ["eth0 and eth1 are one"])
    assert scene.changes[-1].status
