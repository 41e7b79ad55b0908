"""Adding up a certificate's count again from what stands in it, and from nothing else. Pure.

On purpose this shares no code with membership.voting.tally and knows no ballots: it is the stranger's way to the same numbers.
Each function gives sentences about what does not fit; the argument is a payload as in membership.voting.certificate_shape, with
possible settings. order_faults() and step_faults() may be asked only where sum_faults() found nothing.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import gcd, lcm
from typing import Any

FAIR_SHARE = "fair_share"
Payload = dict[str, Any]
Row = list[int]


def sum_faults(payload: Payload) -> Iterator[str]:
    """Are there as many ticks as ballots can hold, and does every score follow from the readers (or the ticks) behind it?"""
    count, counted, most = payload["count"], payload["box"]["counted"], payload["settings"]["most_ticks"]
    ticks = count["ticks"]
    if count["unit"] != _unit(payload):
        yield f"scores are in parts of 1/{count['unit']}, and should be in parts of 1/{_unit(payload)}"
    if set(ticks) != set(payload["lot"]["of"]):
        yield "the ticks are not those of the topics that could win"
    for name, many in ticks.items():
        if many > counted:
            yield f"{name} has more ticks than there are ballots"
    total, withdrawn = sum(ticks.values()), any(topic["withdrawn"] for topic in payload["topics"].values())
    if total > counted * min(most, len(ticks)) or (total < counted and not withdrawn):
        yield f"{total} ticks can't stand on {counted} ballots"
    if [step["seat"] for step in count["steps"]] != list(range(1, len(count["steps"]) + 1)):
        yield "a step is missing, or they stand in another order"
        return
    for step, left in _steps(payload):
        told_of = [set(step["scores"]), *([set(step["readers"])] if step["readers"] is not None else [])]
        if any(topics != left for topics in told_of) or step["winner"] not in (None, *left):
            yield f"step {step['seat']} is not about the topics that were left then"
            return
        yield from _score_faults(payload, step)
    if count["without_a_winner"] is not None and count["without_a_winner"] != _empty_handed(payload):
        yield "the number of ballots without a winner doesn't follow from the steps"


def order_faults(payload: Payload) -> Iterator[str]:
    """Did at each step the best score win, then more ticks, then the lowest lot; and did it stop when it should?"""
    count, lots = payload["count"], payload["lot"]["of"]
    won = [step["winner"] for step in count["steps"] if step["winner"] is not None]
    if payload["winners"] != won:
        yield "the winners are not those of the steps"
    for step, left in _steps(payload):
        best = sorted(left, key=lambda name: (-step["scores"][name], -count["ticks"][name], lots[name]))
        claimed = {key: step[key] for key in ("winner", "tied", "drawn", "runner_up", "margin")}
        if claimed != _outcome(best, step["scores"], count["ticks"]):
            yield f"step {step['seat']} doesn't follow from its scores, ticks and lots"
    if _stops_wrongly(payload):
        yield "the count goes on too long or stops too soon"
    by_ticks = sorted(lots, key=lambda name: (-count["ticks"][name], lots[name]))[: payload["settings"]["seats"]]
    if count["by_most_ticks"] != [name for name in by_ticks if count["ticks"][name]]:
        yield "who would have won by ticks alone doesn't follow from the ticks"


def step_faults(payload: Payload) -> Iterator[str]:
    """Does each step follow from the one before: only ballots with its winner weigh less, each by one winner more?"""
    for before, after in pairwise(payload["count"]["steps"]):
        if before["winner"] is None:
            continue
        faults = _table_faults if after["readers"] is not None else _drop_faults
        yield from faults(payload, before, after)


def _unit(payload: Payload) -> int:
    return lcm(*range(1, payload["settings"]["seats"] + 1)) if payload["settings"]["rule"] == FAIR_SHARE else 1


def _steps(payload: Payload) -> Iterator[tuple[Any, set[str]]]:
    """Give each step with the topics that were left before it."""
    left = set(payload["lot"]["of"])
    for step in payload["count"]["steps"]:
        yield step, set(left)
        left.discard(step["winner"])


def _worth(payload: Payload, held: int) -> int:
    """What the voice of a ballot is worth that holds this many winners, in 1/unit."""
    return _unit(payload) // (held + 1) if payload["settings"]["rule"] == FAIR_SHARE else 1


def _score_faults(payload: Payload, step: Any) -> Iterator[str]:
    seat, ticks = step["seat"], payload["count"]["ticks"]
    for name, score in step["scores"].items():
        if step["readers"] is None:
            least = ticks[name] * _worth(payload, min(seat, payload["settings"]["most_ticks"]) - 1)
            fits = least <= score <= ticks[name] * _worth(payload, 0)
        else:
            row = step["readers"][name]
            fits = len(row) == seat and sum(row) == ticks[name]
            fits = fits and score == sum(many * _worth(payload, held) for held, many in enumerate(row))
        if not fits:
            yield f"the score of {name} at step {seat} doesn't follow from its readers"


def _empty_handed(payload: Payload) -> int:
    """Ballots without a winner: each other one got its first winner at exactly one step."""
    steps = payload["count"]["steps"]
    firsts: list[int] = [step["readers"][step["winner"]][0] for step in steps if step["winner"] and step["readers"]]
    counted: int = payload["box"]["counted"]
    return counted - sum(firsts)


def _outcome(best: list[str], scores: dict[str, int], ticks: dict[str, int]) -> dict[str, Any]:
    """What follows at one step, given its topics in their order."""
    if not best or scores[best[0]] == 0:
        return {"winner": None, "tied": [], "drawn": [], "runner_up": None, "margin": None}
    tied = [name for name in best if scores[name] == scores[best[0]]]
    drawn = [name for name in tied if ticks[name] == ticks[best[0]]]
    return {
        "winner": best[0],
        "tied": sorted(tied) if len(tied) > 1 else [],
        "drawn": sorted(drawn) if len(drawn) > 1 else [],
        "runner_up": best[1] if len(best) > 1 else None,
        "margin": scores[best[0]] - scores[best[1]] if len(best) > 1 else None,
    }


def _stops_wrongly(payload: Payload) -> bool:
    steps, seats, topics = payload["count"]["steps"], payload["settings"]["seats"], len(payload["lot"]["of"])
    if any(step["winner"] is None for step in steps[:-1]):
        return True
    ended_early = bool(steps) and steps[-1]["winner"] is None
    return len(steps) > seats or (len(steps) < min(seats, topics) and not ended_early)


def _table_faults(payload: Payload, before: Any, after: Any) -> Iterator[str]:
    """From 100 ballots: how many ballots of each topic the step's winner has moved on, by winners held before."""
    winner, most, counted = before["winner"], payload["settings"]["most_ticks"], payload["box"]["counted"]
    ticks, winners_row = payload["count"]["ticks"], before["readers"][before["winner"]]
    moved_by_held = [0] * len(winners_row)
    for name, row in after["readers"].items():
        moved = _moved(before["readers"][name], row)
        fits = moved is not None and all(0 <= many <= limit for many, limit in zip(moved, winners_row, strict=True))
        # Of two topics with more ticks together than there are ballots, some ballots must hold both.
        if not fits or moved is None or sum(moved) < ticks[name] + ticks[winner] - counted:
            yield f"the readers of {name} after step {before['seat']} don't follow from those before"
            return
        moved_by_held = [one + other for one, other in zip(moved_by_held, moved, strict=True)]
    for held, many in enumerate(moved_by_held):
        if many > winners_row[held] * max(0, most - 1 - held):  # such a ballot has no more ticks left for others
            yield f"after step {before['seat']} more readers weigh less than {winner} has with ticks to spare"


def _moved(row: Row, later: Row) -> list[int] | None:
    """How many of a topic's ballots with 0, 1, 2 … winners got one more; None if that can't be."""
    moved: list[int] = []
    for held, many in enumerate(row):
        leaving = many + (moved[-1] if moved else 0) - later[held]
        if leaving > many:
            return None
        moved.append(leaving)
    return moved if moved[-1] == later[-1] else None


def _drop_faults(payload: Payload, before: Any, after: Any) -> Iterator[str]:
    """From 20 to 99 ballots: no score rises, and none falls by more or less than the winner's ballots can take away."""
    ticks, counted = payload["count"]["ticks"], payload["box"]["counted"]
    winners = range(min(before["seat"], max(0, payload["settings"]["most_ticks"] - 1)))
    drops = [_worth(payload, held) - _worth(payload, held + 1) for held in winners]
    smallest, largest, grain = min(drops, default=0), max(drops, default=0), gcd(*drops) if drops else 0
    for name, score in after["scores"].items():
        drop = before["scores"][name] - score
        shared = max(0, ticks[name] + ticks[before["winner"]] - counted)
        in_reach = shared * smallest <= drop <= min(ticks[name], ticks[before["winner"]]) * largest
        if not in_reach or (drop % grain if grain else drop):
            yield f"the score of {name} after step {before['seat']} can't follow from the one before"
