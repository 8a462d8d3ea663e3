"""State on flash: power cuts at every step, disks that fail, files that are not ours; what is read was committed."""

import asyncio
import errno
import logging
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import cbor2
import pytest

from appliance.core import journal
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.disk import KernelDisk
from appliance.edge.files import IDENTITY, JOURNAL, MOST_ASIDE, StateDirectory, StateWriter
from appliance.errors import ApplianceError
from tests.support.clock import FakeClock
from tests.support.disk import FakeDisk, PowerCut
from tests.support.leaks import run

STATE = Path("/state")
COMPACT_ABOVE = 600  # a few commits
CHANGING = ("make_directory", "lock", "create", "extend", "write", "sync", "rename", "remove")
Tables = dict[str, dict[str, Any]]


class AtOnce(Executor):
    """In place of the helper thread: the power goes at the same instant in each run, and nobody waits for the GIL."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except (OSError, PowerCut) as error:
            future.set_exception(error)
        return future


class Box:
    """A store that is kept on a disk. `commits`: what its tables were after each commit, the newest last."""

    def __init__(self, disk: FakeDisk, **options: Any) -> None:
        self.disk = disk
        self.directory = StateDirectory(STATE, disk)
        self.kept = self.directory.open()
        assert self.kept.seed is not None
        self.seed = self.kept.seed
        self.store = Store(FakeClock())
        self.store.restore(self.kept.resources(), self.kept.aspects())
        options = {"gather_s": 0, "retry_s": 0.001, "compact_above": COMPACT_ABOVE, **options}
        self.writer = StateWriter(self.directory, self.store, self.seed, **options)
        self.store.subscribe(self.writer.on_change)
        self.commits = [self.tables()]

    def commit(self, number: int) -> None:
        """Two halves that belong together, a resource that comes and goes, one that stays."""
        with self.store.transaction("test") as tx:
            tx.put(Kind.NODE, {"id": "n", "label": f"{number}"})
            tx.attach("connection", "left", {"number": number, "text": "x" * (number * 7 % 40)})
            tx.attach("connection", "right", {"number": number})
            tx.attach("label", "now and then", {"number": number} if number % 2 else None)
        self.commits.append(self.tables())

    def tables(self) -> Tables:
        tables: Tables = {}
        for (table, id), value in journal.snapshot(self.store).items():
            tables.setdefault(table, {})[id] = value
        return tables

    def on_disk(self) -> Tables:
        file = self.disk.names.get(STATE / JOURNAL)
        return {} if file is None else tables_of(journal.read(file.data))

    async def saved(self) -> None:
        while not (self.disk.quiet and self.on_disk() == self.tables()):
            if self.disk.dead:
                raise PowerCut
            await asyncio.sleep(0)


def tables_of(kept: journal.Kept) -> Tables:
    """An emptied table is as good as none."""
    return {table: dict(entries) for table, entries in kept.tables.items() if entries}


@asynccontextmanager
async def running(disk: FakeDisk, **options: Any) -> AsyncIterator[Box]:
    box = Box(disk, **options)
    box.writer.start()
    try:
        yield box
    finally:
        await box.writer.stop()
        box.directory.close()


def within(test: Callable[[], Coroutine[None, None, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(100):
            await test()

    run(limited())


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - a thread makes it so
        await asyncio.sleep(0.001)


# ---- power


async def life(disk: FakeDisk) -> tuple[uuid.UUID | None, list[Tables]]:
    """A box's life until the power fails: its seed, and the states it may be found in: the last one saved, or later."""
    seed: uuid.UUID | None = None
    possible: list[Tables] = [{}]
    with suppress(PowerCut):
        async with running(disk, thread=AtOnce()) as box:
            seed, possible = box.seed, box.commits
            for number in range(1, 13):
                box.commit(number)
                if number % 3 == 0:
                    await box.saved()
                    del possible[:-1]
                elif number % 3 == 1:
                    await asyncio.sleep(0)
        del possible[:-1]  # stop saves
    return seed, possible


def found(disk: FakeDisk, chance: random.Random) -> tuple[FakeDisk, uuid.UUID | None, Tables]:
    """What a box finds when the power is back."""
    disk = disk.after_power_cut(chance)
    directory = StateDirectory(STATE, disk)
    kept = directory.open()
    directory.close()
    assert not [path for path in disk.names if ".bad-" in path.name], "a power cut is no damage"
    return disk, kept.seed, tables_of(kept)


def test_power_cut_at_every_step_leaves_a_committed_state_and_the_identity() -> None:
    async def test() -> None:
        chance = random.Random(7)
        whole = FakeDisk(grain=6)
        await life(whole)
        assert whole.steps > 100
        for cut in range(whole.steps):
            disk = FakeDisk(grain=6, cut_at=cut)
            seed, possible = await life(disk)
            for _ in range(8):
                _, seed_found, tables = found(disk, chance)
                assert seed in (None, seed_found)
                assert tables in possible

    within(test)


def test_power_cut_again_and_again_never_goes_back_nor_changes_the_identity() -> None:
    async def test() -> None:
        chance = random.Random(8)
        disk = FakeDisk(grain=6)
        first_seed, _ = await life(disk)
        for _ in range(200):
            disk.cut_at = disk.steps + chance.randrange(150)
            seed, possible = await life(disk)
            disk, seed_found, tables = found(disk, chance)
            assert seed in (None, first_seed)
            assert seed_found == first_seed
            assert tables in possible or seed is None

    within(test)


def test_a_journal_cut_at_every_byte_starts_the_box() -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk, compact_above=1 << 20) as box:
            for number in range(1, 5):
                box.commit(number)
                await box.saved()
        whole, identity = disk.names[STATE / JOURNAL].data, disk.names[STATE / IDENTITY].data
        for length in range(1, len(whole)):
            for rest in (b"", bytes(len(whole) - length)):  # cut short, or followed by zeros
                again = FakeDisk()
                for name, data in ((JOURNAL, whole[:length] + rest), (IDENTITY, identity)):
                    again.write(again.create(STATE / name), data)
                kept = StateDirectory(STATE, again).open()
                assert kept.seed == box.seed
                assert tables_of(kept) in box.commits

    within(test)


# ---- disks that fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("operations", [("create",), ("write",), ("sync",), ("rename",), ("sync_directory",)])
def test_a_failing_disk_is_said_once_retried_and_forgotten(
    number: int, operations: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def test() -> None:
        disk = FakeDisk(grain=50)
        async with running(disk, compact_above=1 << 20) as box:
            box.commit(1)
            await box.saved()
            before = box.on_disk()
            with disk.failing(number, "extend", *operations):  # so that it is replaced
                box.commit(2)
                await until(lambda: box.writer.problem is not None)
                assert os.strerror(number) in str(box.writer.problem)
                steps = disk.steps
                box.commit(3)
                await until(lambda: disk.steps > steps + 5)  # more than one attempt
                assert box.on_disk() in (before, *box.commits[-2:])
            await until(lambda: box.writer.problem is None)
        assert tables_of(StateDirectory(STATE, disk).open()) == box.commits[-1]

    within(test)
    messages = [record.message for record in caplog.records]
    assert len([message for message in messages if "could not be saved" in message]) == 1
    assert messages.count("the state is saved again") == 1


def test_a_full_disk_does_not_keep_what_was_half_written() -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk) as box:
            with disk.failing(errno.ENOSPC, "write", "sync"):
                box.commit(1)
                await until(lambda: box.writer.problem is not None)
            await box.saved()
        assert sorted(path.name for path in disk.names) == [IDENTITY, JOURNAL]

    within(test)


def test_a_disk_that_fails_until_the_end_does_not_hold_up_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk, retry_s=1000) as box:
            await box.saved()
            with disk.failing(errno.EIO):
                box.commit(1)
                await until(lambda: box.writer.problem is not None)
                await box.writer.stop()

    within(test)
    assert len(caplog.records) == 1


def test_a_read_only_disk_gives_its_state_and_says_that_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk) as first:
            first.commit(1)
        with disk.failing(errno.EROFS, *CHANGING):
            async with running(disk) as box:
                assert box.seed == first.seed
                assert box.tables() == first.commits[-1]
                await until(lambda: box.writer.problem is not None)

    within(test)
    assert "nothing will be kept over a restart" in caplog.records[0].message


def test_a_seed_that_could_not_be_written_is_kept_by_the_journal() -> None:
    async def test() -> None:
        disk = FakeDisk()
        disk.fault = lambda operation, path: errno.EIO if path.name.startswith(IDENTITY) else None
        async with running(disk) as box:
            await box.saved()
        disk.fault = lambda operation, path: None
        assert StateDirectory(STATE, disk).open().seed == box.seed

    within(test)


def test_a_journal_that_somebody_removed_is_made_anew() -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk) as box:
            box.commit(1)
            await box.saved()
            disk.remove(STATE / JOURNAL)
            box.commit(2)
            await box.saved()
            kept = journal.read(disk.names[STATE / JOURNAL].data)
            assert kept.seed == box.seed

    within(test)


# ---- commits and compaction


def test_commits_during_a_slow_write_are_all_kept_in_order() -> None:
    async def test() -> None:
        disk = FakeDisk(grain=50)
        async with running(disk) as box:
            seen: list[Tables] = []
            for number in range(1, 400):
                box.commit(number)
                if number % 7 == 0:
                    await asyncio.sleep(0)
                if disk.quiet and (tables := box.on_disk()) not in seen[-1:]:
                    seen.append(tables)
            await box.saved()
        at = [box.commits.index(tables) for tables in seen if tables in box.commits]
        assert len(at) == len(seen), "each was committed"
        assert at == sorted(at)
        assert len(disk.names[STATE / JOURNAL].data) < 5 * COMPACT_ABOVE, "compacted"

    within(test)


def test_stop_saves_the_commit_before_it() -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk, gather_s=1000) as box:
            for number in range(5):
                box.commit(number)
        assert tables_of(StateDirectory(STATE, disk).open()) == box.commits[-1]

    within(test)


def test_another_file_is_replaced_in_the_helper_thread() -> None:
    async def test() -> None:
        disk = FakeDisk()
        async with running(disk) as box:
            await box.writer.replace("peers", [b"a", b"b"])
            assert box.directory.read_file("peers") == b"ab"
            with disk.failing(errno.ENOSPC), pytest.raises(OSError, match="space"):
                await box.writer.replace("peers", [b"c"])
            assert box.directory.read_file("peers") == b"ab"

    within(test)


# ---- a directory as it is found (the kernel's own disk)


def write_journal(folder: Path, seed: uuid.UUID, label: str = "kept") -> bytes:
    builder = journal.FrameBuilder(1)
    builder.add(("label", "n"), {"label": label})
    data = journal.header(seed) + b"".join(builder.chunks())
    (folder / JOURNAL).write_bytes(data)
    return data


def opened(folder: Path) -> journal.Kept:
    directory = StateDirectory(folder)
    try:
        return directory.open()
    finally:
        directory.close()


def aside(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("*.bad-*")]


SEED = uuid.UUID("0d0c6f55-7b52-4d0f-9c69-8d5a3cf2f0b1")
FUTURE = journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": 99, "seed": SEED.bytes}))
FOREIGN = b"SQLite format 3\0" + bytes(100)


def test_a_new_directory_is_made_and_has_a_seed_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    seed = opened(folder).seed
    assert seed is not None
    assert opened(folder).seed == seed
    assert (folder / IDENTITY).read_text(encoding="ascii") == f"{seed}\n"
    assert not aside(folder)


@pytest.mark.parametrize(
    ("data", "why", "seed_known"),
    [
        (FOREIGN, "damaged at byte 0", False),
        (b"", "empty", False),
        (FUTURE, "written by a newer version of nmos-appliance (schema 99, this one reads up to 1)", True),
        (journal.frame(cbor2.dumps({"a": 1})), "not a state file of this product", False),
    ],
)
def test_a_journal_that_cannot_be_used_is_set_aside_and_the_box_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes, why: str, seed_known: bool
) -> None:
    (tmp_path / JOURNAL).write_bytes(data)
    kept = opened(tmp_path)
    assert kept.seed == SEED if seed_known else kept.seed
    assert not kept.tables
    assert aside(tmp_path) == [data]
    (message,) = [record.message for record in caplog.records]
    assert why in message
    assert "set aside as state.journal.bad-" in message


def test_an_older_journal_is_brought_to_todays_schema_and_kept_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = write_journal(tmp_path, SEED)
    read = partial(journal.read, schema=2, migrations={1: lambda tables: {"named": tables["label"]}})
    for _ in range(2):  # the power may fail before it was written anew
        directory = StateDirectory(tmp_path, read=read)
        kept = directory.open()
        directory.close()
        assert kept.seed == SEED
        assert kept.tables == {"named": {"n": {"label": "kept"}}}
        assert (tmp_path / f"{JOURNAL}.schema-1").read_bytes() == data
    assert "was brought from schema 1 to today's" in caplog.text
    assert not aside(tmp_path)


def test_damage_in_the_middle_keeps_what_was_before_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(write_journal(tmp_path, SEED) * 1)
    length = len(data)
    data += data[len(journal.header(SEED)) :] * 2
    data[length + 12] ^= 1
    (tmp_path / JOURNAL).write_bytes(data)
    kept = opened(tmp_path)
    assert kept.tables == {"label": {"n": {"label": "kept"}}}
    assert aside(tmp_path) == [bytes(data)]
    assert f"damaged at byte {length}" in caplog.text


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"not a uuid\n", bytes(37)])
def test_a_damaged_identity_comes_back_from_the_journal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    write_journal(tmp_path, SEED)
    (tmp_path / IDENTITY).write_bytes(data)
    assert opened(tmp_path).seed == SEED
    assert (tmp_path / IDENTITY).read_text(encoding="ascii") == f"{SEED}\n"
    assert aside(tmp_path) == [data]
    assert "identity: not a UUID; set aside" in caplog.text


def test_without_its_identity_file_the_journal_tells_the_seed_and_the_other_way_round(tmp_path: Path) -> None:
    write_journal(tmp_path, SEED)
    assert opened(tmp_path).seed == SEED
    (tmp_path / JOURNAL).unlink()
    assert opened(tmp_path).seed == SEED


def test_directories_in_the_place_of_files_are_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / JOURNAL).mkdir()
    (tmp_path / IDENTITY).mkdir()
    assert opened(tmp_path).seed is not None
    assert len(list(tmp_path.glob("*.bad-*"))) == 2
    assert caplog.text.count("it cannot be read: Is a directory") == 2


def test_of_a_file_that_is_bad_at_each_start_the_newest_few_are_kept(tmp_path: Path) -> None:
    seeds = {opened(tmp_path).seed}
    others = (tmp_path / f"{JOURNAL}.bad-999999999", tmp_path / f"{IDENTITY}.bad-1", tmp_path / "peers.bad-1")
    for other in others:
        other.write_bytes(b"older")
    for number in range(8):
        (tmp_path / JOURNAL).write_bytes(b"bad %d" % number)
        seeds.add(opened(tmp_path).seed)
        left = set(tmp_path.glob(f"{JOURNAL}.bad-*"))
        assert b"bad %d" % number in {path.read_bytes() for path in left}
        assert len(left) <= MOST_ASIDE
    assert len(seeds) == 1
    assert [path.exists() for path in others] == [False, True, True]


def test_of_what_was_set_aside_the_last_is_kept_though_the_clock_went_back() -> None:
    disk = FakeDisk()
    later = [STATE / f"{JOURNAL}.bad-{10**15 + number}" for number in range(MOST_ASIDE + 2)]
    for path in (*later, STATE / JOURNAL):
        disk.write(disk.create(path), path.name.encode())
    StateDirectory(STATE, disk).open()
    left = {file.data.decode() for path, file in disk.names.items() if ".bad-" in path.name}
    assert left == {JOURNAL, *(path.name for path in later[1 - MOST_ASIDE :])}


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = StateDirectory(tmp_path)
    first.open()
    with pytest.raises(ApplianceError, match=r"is in use by another nmos-appliance"):
        StateDirectory(tmp_path).open()
    first.close()
    opened(tmp_path)


def test_where_no_directory_can_be_made_the_box_starts_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    kept = opened(tmp_path / "file" / "state")
    assert kept.seed is not None
    assert "Not a directory; nothing will be kept over a restart" in caplog.text
    assert "identity of this box could not be written" in caplog.text


def test_files_that_may_not_be_read_are_set_aside_not_overwritten(caplog: pytest.LogCaptureFixture) -> None:
    disk = FakeDisk()
    disk.write(disk.create(STATE / JOURNAL), b"unreadable")
    disk.fault = lambda operation, path: errno.EACCES if (operation, path.name) == ("read", JOURNAL) else None
    StateDirectory(STATE, disk).open()
    assert [file.data for path, file in disk.names.items() if ".bad-" in path.name] == [b"unreadable"]
    assert "Permission denied" in caplog.text


def test_the_kernels_disk_does_what_is_asked_of_it(tmp_path: Path) -> None:
    disk = KernelDisk()
    disk.make_directory(tmp_path / "x")
    handle = disk.create(tmp_path / "x" / "a")
    assert disk.write(handle, b"12345") == 5
    disk.sync(handle)
    disk.close(handle)
    handle = disk.extend(tmp_path / "x" / "a")
    disk.write(handle, memoryview(b"678"))
    disk.close(handle)
    disk.rename(tmp_path / "x" / "a", tmp_path / "x" / "b")
    assert disk.listed(tmp_path / "x") == [tmp_path / "x" / "b"]
    disk.sync_directory(tmp_path / "x")
    assert disk.read(tmp_path / "x" / "b") == b"12345678"
    with pytest.raises(FileNotFoundError):
        disk.extend(tmp_path / "x" / "a")
    disk.remove(tmp_path / "x" / "b")
    assert not list((tmp_path / "x").iterdir())
