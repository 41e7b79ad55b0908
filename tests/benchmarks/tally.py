"""How long a count takes: 40 topics, 5 seats, up to 3 ticks. Run it: python -m tests.benchmarks.tally [ballots …]"""

import sys
import time
from random import Random

from membership.voting.tally import FAIR_SHARE, group, tally

TOPICS = [f"topic-{number}" for number in range(40)]
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def measure(many: int) -> float:
    """Return the seconds that grouping and counting this many random ballots takes."""
    random = Random(many)
    ballots = [frozenset(random.sample(TOPICS, random.randint(1, 3))) for _ in range(many)]
    begun = time.perf_counter()
    tally(group(ballots), topics=TOPICS, seats=5, rule=FAIR_SHARE, lots={topic: topic for topic in TOPICS})
    return time.perf_counter() - begun


def main() -> None:
    """Print a line for each size."""
    for many in [int(size) for size in sys.argv[1:]] or SIZES:
        seconds = measure(many)
        print(f"{many:>9,} ballots  {seconds:7.3f} s  {1e6 * seconds / many:6.2f} µs each")


if __name__ == "__main__":
    main()
