"""Management messages, against bytes as linuxptp's pmc and ptp4l 3.1.1 exchanged them."""

import pytest

from appliance.network.ptp import (
    ANYBODY,
    Action,
    CurrentDataSet,
    DefaultDataSet,
    Id,
    Management,
    ParentDataSet,
    PortDataSet,
    PortIdentity,
    PortState,
    PtpError,
    TimePropertiesDataSet,
    gmid_of,
    parse,
    subscription,
)

US = PortIdentity(bytes(8), 4711)
CLOCK = bytes.fromhex("462215fffedc12e2")

DATA_SETS = (
    DefaultDataSet(CLOCK, 127, slave_only=True),
    CurrentDataSet(1, -1200.5, 730.0),
    ParentDataSet(PortIdentity(CLOCK, 1), CLOCK),
    TimePropertiesDataSet(37, ptp_timescale=True, time_traceable=True),
    PortDataSet(1, PortState.SLAVE),
)


def test_a_question_as_it_is_on_the_wire() -> None:
    asked = Management(127, US, ANYBODY, 2, Action.GET, Id.PARENT_DATA_SET).to_bytes()
    assert asked.hex() == (
        "0d0200367f000000" + "00" * 12 + "0000000000000000" + "1267" + "0002" + "047f"
        "ffffffffffffffffffff" + "00000000" + "000100022002"
    )


@pytest.mark.parametrize("data_set", DATA_SETS, ids=lambda data_set: type(data_set).__name__)
def test_data_sets_there_and_back(data_set: DefaultDataSet) -> None:
    answer = Management(127, PortIdentity(CLOCK, 0), US, 9, Action.RESPONSE, 0x2000, data_set.to_bytes())
    assert type(data_set).from_bytes(parse(answer.to_bytes()).data) == data_set


@pytest.mark.parametrize("data_set", DATA_SETS, ids=lambda data_set: type(data_set).__name__)
def test_a_data_set_that_is_cut_off(data_set: DefaultDataSet) -> None:
    with pytest.raises(PtpError):
        type(data_set).from_bytes(data_set.to_bytes()[:-1])


def test_messages_there_and_back() -> None:
    message = Management(0, US, PortIdentity(CLOCK, 1), 65_535, Action.SET, Id.SUBSCRIBE_EVENTS_NP, subscription(15))
    assert parse(message.to_bytes()) == message
    assert len(message.data) == 66


def test_a_refusal() -> None:
    refusal = Management(0, PortIdentity(CLOCK, 0), US, 1, Action.RESPONSE, Id.SUBSCRIBE_EVENTS_NP, error=6)
    assert parse(refusal.to_bytes()) == refusal


def test_every_message_that_is_cut_off_is_refused() -> None:
    whole = Management(0, US, ANYBODY, 1, Action.RESPONSE, Id.PARENT_DATA_SET, DATA_SETS[2].to_bytes()).to_bytes()
    for length in range(len(whole)):
        with pytest.raises(PtpError):
            parse(whole[:length])


@pytest.mark.parametrize(("position", "value"), [(0, 0x0B), (1, 0x01), (48, 7), (3, 200), (51, 250)], ids=str)
def test_what_is_no_management_message_is_refused(position: int, value: int) -> None:
    whole = bytearray(Management(0, US, ANYBODY, 1, Action.GET, Id.PARENT_DATA_SET).to_bytes())
    whole[position] = value
    with pytest.raises(PtpError):
        parse(bytes(whole))


def test_the_identity_as_is04_writes_it() -> None:
    assert gmid_of(CLOCK) == "46-22-15-ff-fe-dc-12-e2"
