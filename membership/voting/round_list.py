"""The desk's list of votes: searched, by state, page by page."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy.orm import Session

from membership.voting import queries
from membership.voting.models import Round
from membership.voting.queries import Turnout

PER_PAGE = 30
# What staff filter by, and the states of a vote that it means.
GROUPS = {
    "preparing": ("draft", "scheduled"),
    "open": ("open",),
    "to_do": ("closed", "checked", "certified", "counted"),
    "published": ("published",),
    "voided": ("voided",),
}


@dataclass(frozen=True)
class RoundLine:
    """One vote in the list."""

    round: Round
    state: str
    turnout: Turnout | None  # of one that has not opened, or whose ballots are gone


@dataclass(frozen=True)
class RoundPage:
    """One page of the list."""

    lines: list[RoundLine]
    number: int
    total: int

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return self.number * PER_PAGE < self.total


def list_of(session: Session, *, search: str, group: str, page: int, at: datetime) -> RoundPage:
    """Return the votes whose name has these words and whose state is in this group, the latest to close first.

    A page past the last one is the last, one before the first is the first.
    """
    needle = search.casefold().strip()
    found = [(round_, queries.round_state(round_, at)) for round_ in queries.all_rounds(session)]
    found = [(round_, state) for round_, state in found if needle in f"{round_.name} {round_.name_uk}".casefold()]
    if group in GROUPS:
        found = [(round_, state) for round_, state in found if state in GROUPS[group]]
    page = max(1, min(page, ceil(len(found) / PER_PAGE)))
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    turnouts = queries.turnouts(session, [round_ for round_, _ in shown if _has_turnout(round_)], at=at)
    return RoundPage([RoundLine(round_, state, turnouts.get(round_.id)) for round_, state in shown], page, len(found))


def _has_turnout(round_: Round) -> bool:
    return round_.opening is not None and (round_.count is not None or not round_.is_void)
