"""The usual kinds of vote: how long each lasts, how many topics it has, how many stories it promises."""

from dataclasses import dataclass
from datetime import datetime, timedelta

N_ = str  # marks a text for the catalogues
MOST_SEATS = 5
CLOCKS_CHANGE = timedelta(hours=1)  # seven days on the newsroom's clock are an hour more or less when summer time begins or ends


@dataclass(frozen=True)
class Preset:
    """What is settled for one kind of vote; None is for the newsroom to say."""

    name: str
    length: timedelta | None
    fewest_topics: int
    most_topics: int
    seats: int | None


PRESETS = {
    "quick": Preset("quick", timedelta(hours=24), 3, 4, 1),
    "monthly": Preset("monthly", timedelta(days=7), 6, 8, 2),
    "custom": Preset("custom", None, 2, 40, None),
}
DEFAULT = "monthly"

_TOPICS = {
    "quick": N_("A quick vote has three or four topics."),
    "monthly": N_("A monthly vote has six to eight topics."),
    "custom": N_("A vote has between two and forty different topics."),
}
_SEATS = {
    "quick": N_("A quick vote promises one story."),
    "monthly": N_("A monthly vote promises one or two stories, a newsroom's first vote one."),
    "custom": N_("Promise between one and five stories."),
}
_LENGTH = {"quick": N_("A quick vote is open for 24 hours."), "monthly": N_("A monthly vote is open for seven days.")}


def seats_allowed(preset: str, *, is_first: bool) -> range:
    """Return how many stories this kind of vote may promise; a newsroom's first vote begins with one."""
    most = PRESETS[preset].seats or MOST_SEATS
    return range(1, 2 if is_first and preset != "custom" else most + 1)


def usual_seats(preset: str, *, is_first: bool) -> int:
    """Return how many stories this kind of vote promises unless somebody says otherwise."""
    return 1 if is_first else PRESETS[preset].seats or 2


def topics_fault(preset: str, many: int) -> str | None:
    """Return in one sentence why so many topics do not fit this kind of vote."""
    kind = PRESETS[preset]
    return None if kind.fewest_topics <= many <= kind.most_topics else _TOPICS[preset]


def fault_of(preset: str, *, topics: int, seats: int, opens_at: datetime, closes_at: datetime, is_first: bool) -> str | None:
    """Return in one sentence what does not fit this kind of vote."""
    if fault := topics_fault(preset, topics):
        return fault
    if seats not in seats_allowed(preset, is_first=is_first):
        return _SEATS[preset]
    length = PRESETS[preset].length
    if length is None:
        return None
    tolerance = CLOCKS_CHANGE if length > timedelta(days=1) else timedelta()
    return None if abs(closes_at - opens_at - length) <= tolerance else _LENGTH[preset]
