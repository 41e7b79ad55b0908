"""How long a count takes and how that grows: 40 topics, 5 seats, up to 3 ticks. `make bench`, or with sizes of one's own."""

import sys
import time
from collections.abc import Sequence
from random import Random

from membership.voting.tally import FAIR_SHARE, group, tally

TOPICS = [f"topic-{number}" for number in range(40)]
SEATS, MOST_TICKS = 5, 3
TRIES = 3
SIZES = (1_000, 10_000, 100_000, 1_000_000)
GOAL_AT, MOST_SECONDS = 100_000, 1.0


def main(sizes: Sequence[int]) -> int:
    """Print a line for each size; the exit code says whether the goal was met."""
    print(f"Tally, fair share: {len(TOPICS)} topics, {SEATS} seats, up to {MOST_TICKS} ticks; CPU, the best of {TRIES}")
    is_good, before = True, None
    for many in sizes:
        seconds = measure(many)
        growth = f"   {many / before[0]:>5.1f} × the ballots, {seconds / before[1]:>5.1f} × the time" if before else ""
        print(f"  {many:>9,} ballots   {seconds:>7.3f} s   {1e6 * seconds / many:>6.2f} µs each{growth}")
        is_good, before = is_good and (many != GOAL_AT or seconds < MOST_SECONDS), (many, seconds)
    print(f"  goal: {GOAL_AT:,} ballots in less than {MOST_SECONDS:.0f} s")
    return 0 if is_good else 1


def measure(many: int) -> float:
    """Return the seconds of CPU that grouping and counting this many random ballots takes, the best of some tries."""
    random = Random(many)
    ballots = [frozenset(random.sample(TOPICS, random.randint(1, MOST_TICKS))) for _ in range(many)]
    return min(_seconds(ballots) for _ in range(TRIES))


def _seconds(ballots: Sequence[frozenset[str]]) -> float:
    begun = time.process_time()
    tally(group(ballots), topics=TOPICS, seats=SEATS, rule=FAIR_SHARE, lots={topic: topic for topic in TOPICS})
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or SIZES))
