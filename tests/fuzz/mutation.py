"""A plain mutator, for the quick run in every test: the same inputs each time, from a seed."""

import random
from collections.abc import Iterator, Sequence

MOST = 64 * 1024
_TOKENS = (
    *(b"\0", b"\xff", b"\r\n", b"\n", b" ", b"-1", b"0", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""'),
    *(
        b"9" * 400,
        b"4294967296",
        b"-9223372036854775809",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"%s%n",
        b"../",
    ),
    *(b"[" * 2000, b'{"a":' * 500, b"a=", b"m=audio 5004 RTP/AVP 97\r\n", b"239.1.1.1/300", b"::ffff:0", b"1:0"),
)


def mutations(corpus: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Without end. The inputs themselves come first."""
    yield from corpus
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(7):
                case 0 if data:
                    data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
                case 1:
                    data[at:at] = chance.choice(_TOKENS)
                case 2:
                    del data[at : at + chance.randrange(1, 30)]
                case 3:
                    end = at + chance.randrange(1, 60)
                    data[at:at] = data[at:end] * chance.randrange(1, 4)
                case 4:
                    other = chance.choice(corpus)
                    begin = chance.randrange(len(other) + 1)
                    data[at : at + 40] = other[begin : begin + chance.randrange(80)]
                case 5:
                    data[at : at + 8] = chance.choice(_TOKENS)
                case _:
                    data[at : at + 4] = chance.randbytes(4)
        yield bytes(data[:MOST])
