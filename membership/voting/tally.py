"""Counting ballots exactly: most ticks ("plain") and sequential proportional approval voting ("fair share"). Pure.

Lackner & Skowron, Multi-Winner Voting with Approval Preferences (2023), section 2: a ballot's voice is worth 1 until one of its
topics has won, then 1/2, then 1/3. Scores are integers: multiples of 1/unit with unit = lcm(1..seats), so nothing is ever rounded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import lcm
from typing import Any

Ballots = Mapping[frozenset[str], int]
PLAIN, FAIR_SHARE = "plain", "fair_share"


@dataclass(frozen=True)
class Step:
    """How one seat was filled; scores and margin in 1/unit. Without winner: nobody had ticked what was left."""

    seat: int
    winner: str | None
    scores: dict[str, int]
    # Of each topic left: how many of its ballots hold 0, 1, 2 … winners already.
    histogram: dict[str, list[int]]
    tied: tuple[str, ...]  # more than one with the best score
    drawn: tuple[str, ...]  # those among them whose totals were equal too: the lot decided
    runner_up: str | None
    margin: int | None


@dataclass(frozen=True)
class WhyNot:
    """Why a topic with more ticks lost to one with fewer, at the step where that one won."""

    loser: str
    winner: str
    seat: int


@dataclass(frozen=True)
class Result:
    """Everything that follows from the ballots, the rule, the seats and the lots."""

    rule: str
    seats: int
    unit: int
    counted: int
    totals: dict[str, int]  # ticks of each topic
    winners: tuple[str, ...]
    steps: tuple[Step, ...]
    lots: dict[str, str]
    plain_winners: tuple[str, ...]
    empty_handed: int  # ballots without any winner
    empty_handed_plain: int  # the same if the most ticks alone had decided
    why_not: tuple[WhyNot, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Result":
        """Read back what as_json() gave, however JSON has changed tuples into lists."""
        steps = tuple(Step(**{**step, "tied": tuple(step["tied"]), "drawn": tuple(step["drawn"])}) for step in data["steps"])
        return cls(
            **{
                **data,
                "steps": steps,
                "winners": tuple(data["winners"]),
                "plain_winners": tuple(data["plain_winners"]),
                "why_not": tuple(WhyNot(**reason) for reason in data["why_not"]),
            },
        )


def group(ballots: Iterable[frozenset[str]]) -> Ballots:
    """Return how often each ballot occurs."""
    return Counter(ballots)


def tally(ballots: Ballots, *, topics: Iterable[str], seats: int, rule: str, lots: Mapping[str, str]) -> Result:
    """Count. lots holds each topic's lot in hex: equal scores go to more ticks, then to the lowest lot.

    Raises ValueError for a ballot that names no topic of this vote, an unknown rule or no seat.
    """
    names = sorted(topics)
    if rule not in (PLAIN, FAIR_SHARE) or seats < 1 or not set().union(*ballots) <= set(names):
        raise ValueError("these ballots don't belong to this vote")
    own_lots = {name: lots[name] for name in names}
    steps = _Count(ballots, names, seats, rule, own_lots).run()
    winners = _winners(steps)
    plain = winners if rule == PLAIN else _winners(_Count(ballots, names, seats, PLAIN, own_lots).run())
    totals = _totals(ballots, names)
    return Result(
        rule=rule,
        seats=seats,
        unit=_unit(rule, seats),
        counted=sum(ballots.values()),
        totals=totals,
        winners=winners,
        steps=steps,
        lots=own_lots,
        plain_winners=plain,
        empty_handed=_empty_handed(ballots, winners),
        empty_handed_plain=_empty_handed(ballots, plain),
        why_not=_why_not(steps, totals),
    )


def _unit(rule: str, seats: int) -> int:
    return lcm(*range(1, seats + 1)) if rule == FAIR_SHARE else 1


def _totals(ballots: Ballots, names: Iterable[str]) -> dict[str, int]:
    totals = dict.fromkeys(names, 0)
    for ballot, many in ballots.items():
        for name in ballot:
            totals[name] += many
    return totals


def _winners(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step.winner for step in steps if step.winner is not None)


def _empty_handed(ballots: Ballots, winners: Iterable[str]) -> int:
    chosen = frozenset(winners)
    return sum(many for ballot, many in ballots.items() if not ballot & chosen)


def _why_not(steps: tuple[Step, ...], totals: Mapping[str, int]) -> tuple[WhyNot, ...]:
    """Return, for each loser, the first seat that went to a topic with fewer ticks."""
    won = set(_winners(steps))
    losers = sorted((name for name in totals if name not in won), key=lambda name: (-totals[name], name))
    reasons = []
    for loser in losers:
        for step in steps:
            if step.winner is not None and totals[step.winner] < totals[loser]:
                reasons.append(WhyNot(loser, step.winner, step.seat))
                break
    return tuple(reasons)


class _Count:
    """One run over the seats. Ballots are touched again only when one of their topics wins."""

    def __init__(self, ballots: Ballots, names: list[str], seats: int, rule: str, lots: Mapping[str, str]) -> None:
        self.seats, self.lots = seats, lots
        self.weights = [_unit(rule, seats) // (held + 1) if rule == FAIR_SHARE else 1 for held in range(seats)]
        self.ballots = [(ballot, many) for ballot, many in ballots.items() if ballot]
        self.held = [0] * len(self.ballots)
        self.ticking: dict[str, list[int]] = {name: [] for name in names}
        self.histogram = {name: [0] * seats for name in names}
        for at, (ballot, many) in enumerate(self.ballots):
            for name in ballot:
                self.ticking[name].append(at)
                self.histogram[name][0] += many
        self.totals = {name: row[0] for name, row in self.histogram.items()}

    def run(self) -> tuple[Step, ...]:
        """Fill seat after seat; the last step has no winner if nobody ticked what was left."""
        steps: list[Step] = []
        while len(steps) < self.seats and self.histogram:
            step = self._step(len(steps) + 1)
            steps.append(step)
            if step.winner is None:
                break
            if step.seat < self.seats:
                self._elect(step.winner)
        return tuple(steps)

    def _step(self, seat: int) -> Step:
        scores = {name: self._score(row) for name, row in self.histogram.items()}
        order = sorted(scores, key=lambda name: (-scores[name], -self.totals[name], self.lots[name]))
        best, runner_up = order[0], order[1] if len(order) > 1 else None
        winner = best if scores[best] > 0 else None
        tied = [name for name in order if winner and scores[name] == scores[best]]
        drawn = [name for name in tied if self.totals[name] == self.totals[best]]
        return Step(
            seat=seat,
            winner=winner,
            scores=scores,
            histogram={name: row[:seat] for name, row in self.histogram.items()},
            tied=tuple(sorted(tied)) if len(tied) > 1 else (),
            drawn=tuple(sorted(drawn)) if len(drawn) > 1 else (),
            runner_up=runner_up if winner else None,
            margin=scores[best] - scores[runner_up] if winner and runner_up else None,
        )

    def _score(self, row: list[int]) -> int:
        return sum(many * weight for many, weight in zip(row, self.weights, strict=True))

    def _elect(self, winner: str) -> None:
        del self.histogram[winner]
        for at in self.ticking[winner]:
            ballot, many = self.ballots[at]
            held = self.held[at]
            self.held[at] = held + 1
            for name in ballot:
                row = self.histogram.get(name)
                if row is not None:
                    row[held] -= many
                    row[held + 1] += many
