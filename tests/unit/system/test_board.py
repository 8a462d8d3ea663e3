"""The board's own serial number, from files as the kernel has them."""

from pathlib import Path

import pytest

from appliance.system.board import serial_number

DEVICE_TREE = "sys/firmware/devicetree/base/serial-number"
PRODUCT, BOARD = "sys/class/dmi/id/product_serial", "sys/class/dmi/id/board_serial"


def write(root: Path, file: str, data: bytes) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(data)


def test_nothing_is_known(tmp_path: Path) -> None:
    assert serial_number(tmp_path) is None


def test_an_arm_board(tmp_path: Path) -> None:
    write(tmp_path, DEVICE_TREE, b"10000000a3d1c2b4\0")
    write(tmp_path, PRODUCT, b"other\n")
    assert serial_number(tmp_path) == "10000000a3d1c2b4"


def test_a_pc(tmp_path: Path) -> None:
    write(tmp_path, PRODUCT, b"To be filled by O.E.M.\n")
    write(tmp_path, BOARD, b" MB-1234 \n")
    assert serial_number(tmp_path) == "MB-1234"


@pytest.mark.parametrize(
    "text", [b"", b"\0", b"None\n", b"Default string", b"0000000000000000\0", b"Not Specified", b"\xff\xfe", b"a\x1bb"]
)
def test_what_means_nothing_is_none(tmp_path: Path, text: bytes) -> None:
    write(tmp_path, DEVICE_TREE, text)
    assert serial_number(tmp_path) is None
