"""The geometry of the bars that a page draws of a count: shares of a whole as per cent of the width. Pure.

Words stand in the page as text, so that they wrap on a telephone; the drawing holds bars and what they say to who can't see them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from membership.voting.explanation import Part, Points, parts_of, points
from membership.voting.tally import FAIR_SHARE, Result, Step

WIDTH = 100.0


@dataclass(frozen=True)
class Segment:
    """One piece of a bar, in per cent of the width; `held` winners already: 0 counts whole, 1 half, 2 a third."""

    x: float
    width: float
    held: int = 0


@dataclass(frozen=True)
class Bar:
    """One bar and what it stands for; parts are empty where they may not be told."""

    key: str
    score: Points
    per_cent: int | None  # of all counted ballots
    won: bool
    segments: tuple[Segment, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class StepChart:
    """What each topic that was left had when one seat was filled, the best first."""

    seat: int
    bars: tuple[Bar, ...]


def tick_bars(result: Result) -> tuple[Bar, ...]:
    """Return one bar for each topic by its ticks, most first; the longest fills the width."""
    order = sorted(result.totals, key=lambda name: (-result.totals[name], name))
    highest = max(result.totals.values(), default=0)
    return tuple(
        Bar(
            key=name,
            score=Points(result.totals[name]),
            per_cent=_per_cent(result.totals[name], result.counted),
            won=name in result.winners,
            segments=_row([(result.totals[name], 0)], highest),
        )
        for name in order
    )


def step_charts(result: Result) -> tuple[StepChart, ...]:
    """Return a chart for each seat after the first of a vote by fair share: the first one's points are the ticks."""
    steps = [step for step in result.steps if step.winner and step.seat > 1] if result.rule == FAIR_SHARE else []
    return tuple(StepChart(step.seat, tuple(_step_bars(result, step))) for step in steps)


def _step_bars(result: Result, step: Step) -> Iterable[Bar]:
    # The winner stands in front of those it was equal to, whatever had decided.
    order = sorted(step.scores, key=lambda name: (-step.scores[name], name != step.winner, name))
    highest = max(step.scores.values())
    for name in order:
        parts = parts_of(result, step, name)
        pieces = [(part.readers * (result.unit // (part.held + 1)), part.held) for part in parts]
        yield Bar(
            key=name,
            score=points(step.scores[name], result.unit),
            per_cent=None,
            won=name == step.winner,
            segments=_row(pieces or [(step.scores[name], 0)], highest),
            parts=parts,
        )


def _row(pieces: Sequence[tuple[int, int]], highest: int) -> tuple[Segment, ...]:
    """Lay pieces side by side; each edge is rounded by itself, so that the bar ends where its sum does."""
    segments, reached = [], 0
    for value, held in pieces:
        start, end = _edge(reached, highest), _edge(reached + value, highest)
        if end > start:
            segments.append(Segment(start, round(end - start, 2), held))
        reached += value
    return tuple(segments)


def _edge(value: int, highest: int) -> float:
    return round(WIDTH * value / highest, 2) if highest else 0.0


def _per_cent(part: int, whole: int) -> int:
    return (200 * part + whole) // (2 * whole) if whole else 0
