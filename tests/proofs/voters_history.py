"""Whether what voters were told can be true of one ballot box: a linearizability search over each voter's requests.

Wing & Gong, Testing and Verifying Concurrent Objects (1993): is there an order of the requests, in which none comes before another
that was answered before it was sent, in which a box that does one thing after the other would have answered just so? Written apart
from the product's rules on purpose; no database, no HTTP.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

Ballot = frozenset[str]
NO_BALLOT: Ballot = frozenset()
WRITE, READ = "write", "read"
DONE, LATE, UNKNOWN = "done", "late", "unknown"


@dataclass(frozen=True)
class Request:
    """What a voter asked and was told: a ballot sent (an empty one: taken back), or one shown (an empty one: none is in)."""

    act: str
    ballot: Ballot
    sent_at: float
    answered_at: float = inf
    outcome: str = UNKNOWN


History = Mapping[int, Sequence[Request]]
Box = Mapping[int, Sequence[Ballot]]


def end_of(history: History, *, not_before: float, not_after: float) -> float:
    """Return the latest instant at which the vote can have ended; any that fits all answers fits this one's too.

    Raises ValueError when there is none: somebody was told "in" after somebody else had been told "too late".
    """
    requests = [request for each in history.values() for request in each]
    earliest = max([not_before, *(request.sent_at for request in requests if request.outcome == DONE)])
    latest = min([not_after, *(request.answered_at for request in requests if request.outcome == LATE)])
    if earliest > latest:
        raise ValueError(f"a ballot was taken {earliest - latest:.6f} s after the vote had ended for somebody else")
    return latest


def possible_ballots(requests: Iterable[Request], *, end: float) -> set[Ballot]:
    """Return every ballot (NO_BALLOT: none) that the box may hold at the end after these answers; empty: they can't all be true."""
    steps = sorted((_before(end, each) for each in requests if _had_effect(each, end)), key=lambda step: step.sent_at)
    if any(step.sent_at > step.answered_at for step in steps):
        return set()
    certain = sum(1 << at for at, step in enumerate(steps) if step.outcome == DONE)
    ends: set[Ballot] = set()
    seen, left = {(0, NO_BALLOT)}, [(0, NO_BALLOT)]
    while left:
        done, ballot = left.pop()
        if done & certain == certain:
            ends.add(ballot)
        for at in _next(steps, done):
            after = done | 1 << at, steps[at].ballot
            if (steps[at].act == WRITE or steps[at].ballot == ballot) and after not in seen:
                seen.add(after)
                left.append(after)
    return ends


def faults(history: History, box: Box, *, end: float) -> list[str]:
    """Return what in the box contradicts what its voters were told, voter by voter."""
    found = [f"voter {voter} sent nothing, and has a ballot in the box" for voter in sorted(box.keys() - history.keys())]
    for voter, requests in sorted(history.items()):
        held = box.get(voter, ())
        possible = possible_ballots(requests, end=end)
        if len(held) > 1:
            found.append(f"voter {voter} has {len(held)} ballots in the box")
        elif not possible:
            found.append(f"no order explains what voter {voter} was told")
        elif (held[0] if held else NO_BALLOT) not in possible:
            found.append(f"voter {voter} has {_said(held)} in the box, and was told something else")
    return found


def recount(history: History, box: Box, *, end: float) -> tuple[Counter[Ballot], int]:
    """Count what must be in the box by the answers alone, and how many voters' answers leave open which of their ballots it is.

    Of those, and of nobody else, what the box holds is taken; faults() says whether it may.
    """
    counted, undecided = Counter[Ballot](), 0
    for voter, requests in history.items():
        possible = possible_ballots(requests, end=end)
        undecided += len(possible) > 1
        counted.update(possible if len(possible) == 1 else box.get(voter, ()))
    del counted[NO_BALLOT]
    return counted, undecided


def _had_effect(request: Request, end: float) -> bool:
    """Return whether it can have found or changed anything: what came too late did not, what nobody answered perhaps."""
    return request.outcome == DONE or (request.outcome == UNKNOWN and request.act == WRITE and request.sent_at <= end)


def _before(end: float, request: Request) -> Request:
    return Request(request.act, request.ballot, request.sent_at, min(request.answered_at, end), request.outcome)


def _next(steps: Sequence[Request], done: int) -> Iterable[int]:
    """Give what may have happened next: nothing that was sent only after another one, still to come, had been answered."""
    waiting = [at for at in range(len(steps)) if not done >> at & 1]
    first_answer = min((steps[at].answered_at for at in waiting if steps[at].outcome == DONE), default=inf)
    return (at for at in waiting if steps[at].sent_at <= first_answer)


def _said(held: Sequence[Ballot]) -> str:
    return ",".join(sorted(held[0])) if held else "nothing"
