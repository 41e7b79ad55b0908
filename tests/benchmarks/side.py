"""One side of a comparison: what it did, turn by turn."""

import os
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

    def line(self, name: str, what: str) -> str:
        """Say it in one line; what is what there were so many of."""
        p50, p99, cpu = (seconds * 1e3 for seconds in (self.percentile(50), self.percentile(99), self.cpu))
        times = f"p50 {p50:>6.1f} ms   p99 {p99:>6.1f} ms   p99 / p50 {self.tail:>5.1f}"
        return f"  {name:<16} {self.rate:>7,.0f} {what}/s   {times}   {cpu:>5.1f} ms of its CPU each"


def ratio(ours: Side, theirs: Side) -> float:
    """Return the median over the turns, each with both sides right beside each other."""
    return statistics.median(one / other for one, other in zip(ours.rates, theirs.rates, strict=True))


def ratio_by_cpu(ours: Side, theirs: Side) -> float:
    """Return the ratio of what each does in a second of its CPU."""
    return theirs.cpu / ours.cpu if ours.cpu else float("nan")


def load_average() -> str:
    """Say what else the machine had to do."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
