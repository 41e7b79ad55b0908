"""What kinds of patrons took part, hiding small groups so that nothing about one person can be worked out. Pure.

Staff know how many patrons of each kind there are, and this code is public. A number is shown only where SMALLEST of a group or
more took part and SMALLEST or more did not: else it would say of everybody in it that they voted, or that they did not. What is
left of the total without the shown groups must not say it either, nor which groups are hidden: that is settled by their sizes,
and if one of the others turns out to be far from the turnout of all, nothing is shown.
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
    """Return a table's rows in the given order, hidden ones too; groups that nobody belongs to are left out.

    The groups are a partition of who could vote, and the total of counted ballots is public. Which groups are hidden follows from
    that and from their sizes alone: if it followed from their votes, whoever knows this rule could reckon back.
    """
    groups = [group for group in groups if group.could_vote]
    hidden = _hidden(groups)
    told = [group for group in groups if group not in hidden]
    is_told = all(group.is_large for group in told) and _is_protected(hidden)
    return tuple(Row(group.key, group.voted if is_told and group in told else None) for group in groups)


def gathered(groups: Sequence[Group], *, kept: Iterable[str]) -> tuple[Group, ...]:
    """Put the small groups of an open-ended list together as OTHERS; those whose keys are kept stay, however small."""
    kept = set(kept)
    small = [group for group in _small(groups) if group.key not in kept]
    rest = Group(OTHERS, sum(group.could_vote for group in small), sum(group.voted for group in small))
    # By size: in the order of their votes hidden groups too would say which had more.
    stay = sorted((group for group in groups if group not in small), key=lambda group: (-group.could_vote, group.key))
    return (*stay, *([rest] if small else []))


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


def _small(groups: Sequence[Group]) -> list[Group]:
    """Return the groups of which, at the turnout of all, fewer than SMALLEST would have voted or would not have."""
    voted, could_vote = sum(group.voted for group in groups), sum(group.could_vote for group in groups)
    fewer = min(voted, could_vote - voted)
    return [group for group in groups if group.could_vote * fewer < SMALLEST * could_vote]


def _hidden(groups: Sequence[Group]) -> list[Group]:
    """Return the small groups and as many of the next larger ones as it takes that their sum does not give one away."""
    hidden = _small(groups)
    rest = sorted((group for group in groups if group not in hidden), key=lambda group: (group.could_vote, group.key))
    while hidden and rest and (len(hidden) == 1 or sum(group.could_vote for group in hidden) < 2 * SMALLEST):
        hidden.append(rest.pop(0))
    return hidden


def _is_protected(hidden: Sequence[Group]) -> bool:
    """Return whether the sum of these groups, which is known, leaves SMALLEST numbers or more possible for each of them.

    Of a group with fewer members nothing at all may be known; the number of one that is large whatever it had is no secret.
    """
    voted, could_vote = sum(group.voted for group in hidden), sum(group.could_vote for group in hidden)
    for group in hidden:
        least, most = max(0, voted - (could_vote - group.could_vote)), min(group.could_vote, voted)
        is_large = least >= SMALLEST and group.could_vote - most >= SMALLEST
        if not is_large and most - least < min(group.could_vote, SMALLEST):
            return False
    return True
