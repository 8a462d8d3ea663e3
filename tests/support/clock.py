"""A clock that moves only when a test says so."""

_NS = 1_000_000_000
_TAI_START_NS = 1_700_000_037 * _NS


class FakeClock:
    """TAI in nanoseconds and monotonic seconds, as the product's clock gives them; both stand still by themselves."""

    def __init__(self, tai_ns: int = _TAI_START_NS, monotonic_s: float = 1000.0) -> None:
        self._tai_ns = tai_ns
        # Kept as an integer too: sums of float steps would drift from TAI.
        self._monotonic_ns = round(monotonic_s * _NS)

    def tai_ns(self) -> int:
        return self._tai_ns

    def monotonic(self) -> float:
        return self._monotonic_ns / _NS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back; see step_tai")
        self._monotonic_ns += round(seconds * _NS)
        self._tai_ns += round(seconds * _NS)

    def step_tai(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP or PTP does; monotonic time does not notice."""
        self._tai_ns += round(seconds * _NS)
