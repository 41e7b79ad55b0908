"""What kinds of patrons took part, hiding small groups so that nothing about one person can be worked out. Pure.

Staff know how many patrons of each kind there are. A group is hidden where fewer than SMALLEST of it took part, or fewer than
SMALLEST did not: else a number would say of everybody in it that they voted, or that they did not. What is left of the total
when the shown groups are taken away must not say it either, so further groups are hidden until it doesn't.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SMALLEST = 10
OTHERS = "others"  # small groups of an open-ended list, put together
FEW, HIDDEN, AT_LEAST = "few", "hidden", "at_least"


@dataclass(frozen=True)
class Group:
    """One kind of patrons: how many could vote and how many of their ballots were counted. Never shown as it is."""

    key: str
    could_vote: int
    voted: int

    @property
    def is_large(self) -> bool:
        """Whether enough of it took part and enough did not."""
        return self.voted >= SMALLEST and self.could_vote - self.voted >= SMALLEST


@dataclass(frozen=True)
class Row:
    """One kind of patrons as it may be shown; voted is None where the group is hidden."""

    key: str
    voted: int | None


@dataclass(frozen=True)
class Joined:
    """How many of the counted ballots are of people who became patrons while the vote was open, as far as it may be said."""

    code: str  # few: fewer than SMALLEST · at_least: voted or more · hidden
    voted: int | None = None


@dataclass(frozen=True)
class Breakdowns:
    """Everything that may be said of who took part; frozen together with the count."""

    tables: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    joined: Joined = Joined(HIDDEN)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Breakdowns":
        """Read back what as_json() gave; of a count from before there were breakdowns, nothing."""
        tables = {name: tuple(Row(**row) for row in rows) for name, rows in data.get("tables", {}).items()}
        return cls(tables, Joined(**data.get("joined", {"code": HIDDEN})))


def shown(groups: Sequence[Group]) -> tuple[Row, ...]:
    """Return a table's rows in the given order, as many hidden as it takes; groups that nobody belongs to are left out.

    The groups are a partition of who could vote, and the total of counted ballots is public.
    """
    groups = [group for group in groups if group.could_vote]
    hidden = {group.key for group in groups if not group.is_large}
    while hidden and len(hidden) < len(groups) and not _is_protected([group for group in groups if group.key in hidden]):
        hidden.add(min((group for group in groups if group.key not in hidden), key=lambda group: (group.voted, group.key)).key)
    return tuple(Row(group.key, None if group.key in hidden else group.voted) for group in groups)


def gathered(groups: Iterable[Group], *, kept: Iterable[str]) -> tuple[Group, ...]:
    """Put the small groups of an open-ended list together as OTHERS; those whose keys are kept stay, however small."""
    groups, kept = sorted(groups, key=lambda group: (-group.voted, group.key)), set(kept)
    small = [group for group in groups if not group.is_large and group.key not in kept]
    rest = Group(OTHERS, sum(group.could_vote for group in small), sum(group.voted for group in small))
    return (*(group for group in groups if group not in small), *([rest] if small else []))


def joined_while_open(new: Group, *, could_vote: int, counted: int) -> Joined:
    """Say how many of the counted ballots are of new patrons: what is said fits SMALLEST numbers or more.

    Where the sizes and the total leave fewer than that, no more is said than follows from them.
    """
    lowest, highest = max(0, counted - (could_vote - new.could_vote)), min(new.could_vote, counted)
    steps = max(1, (highest - lowest + 1) // SMALLEST)
    step = min((new.voted - lowest) // SMALLEST, steps - 1)
    least = lowest + step * SMALLEST
    most = highest if step == steps - 1 else least + SMALLEST - 1
    if most < SMALLEST:
        return Joined(FEW)
    return Joined(AT_LEAST, least) if least else Joined(HIDDEN)


def _is_protected(hidden: Sequence[Group]) -> bool:
    """Return whether the sum of these groups, which is known, leaves SMALLEST possibilities or more for each small one of them.

    Of a group with fewer members than that nothing at all may be known. What a large one had is no secret in itself.
    """
    voted, could_vote = sum(group.voted for group in hidden), sum(group.could_vote for group in hidden)
    for group in (group for group in hidden if not group.is_large):
        least = max(0, voted - (could_vote - group.could_vote))
        most = min(group.could_vote, voted)
        if most - least < min(group.could_vote, SMALLEST):
            return False
    return True
