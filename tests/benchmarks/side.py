"""One side of a comparison: what it did, turn by turn."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Side:
    """How many a second turn by turn, the seconds that each took, and those of its CPU for all of them."""

    rates: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def add(self, seconds: float, took: Sequence[float], cpu: float) -> None:
        """Note one turn."""
        self.rates.append(len(took) / seconds)
        self.took += took
        self.cpu_seconds += cpu

    @property
    def cpu(self) -> float:
        """Seconds of its CPU for each; PostgreSQL's own are not in it."""
        return self.cpu_seconds / len(self.took)

    @property
    def rate(self) -> float:
        """How many a second, the median of the turns."""
        return statistics.median(self.rates)

    def percentile(self, percent: int) -> float:
        """Return the seconds within which so many of a hundred were done."""
        return statistics.quantiles(self.took, n=100, method="inclusive")[percent - 1]

    @property
    def tail(self) -> float:
        """How many times as long as the middle one the slowest of a hundred takes."""
        return self.percentile(99) / self.percentile(50)


def ratio(ours: Side, theirs: Side) -> float:
    """Return the median over the turns, each with both sides right beside each other."""
    return statistics.median(one / other for one, other in zip(ours.rates, theirs.rates, strict=True))
