"""What patrons and editors type about topics, and which they ask for; what is wrong with it, membership.voting.titles says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, IntegerField, RadioField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length

from membership.voting import titles
from membership.voting.board import SORTS, STATES

LONGEST_SEARCH = 100
MOST_PAGES = 10_000


@dataclass(frozen=True)
class Asked:
    """Which topics of the board somebody wants to see, as an address says."""

    search: str
    sort: str
    state: str
    mine: bool
    page: int

    @classmethod
    def of(cls, args: MultiDict[str, str], *, is_member: bool = False) -> "Asked":
        """Read an address; what makes no sense in it asks for nothing."""
        asked = {name: args.get(name, "").strip() for name in ("q", "sort", "state", "mine")}
        return cls(
            search=asked["q"][:LONGEST_SEARCH],
            sort=asked["sort"] if asked["sort"] in SORTS else SORTS[0],
            state=asked["state"] if asked["state"] in STATES else "",
            mine=asked["mine"] == "1" and is_member,
            page=min(max(1, args.get("page", default=1, type=int)), MOST_PAGES),
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether some topics are left out."""
        return bool(self.search or self.state or self.mine)

    def at(self, page: int) -> dict[str, str | int]:
        """Return what the address of another page of the same list says."""
        sort = self.sort if self.sort != SORTS[0] else ""
        said: dict[str, str | int] = {"q": self.search, "sort": sort, "state": self.state, "mine": int(self.mine), "page": page}
        return {name: value for name, value in said.items() if value}


def _title(value: str | None) -> str:
    return titles.clean_title(value or "")


def _lines(value: str | None) -> str:
    return titles.clean_lines(value or "")


def _source_faults(typed: str) -> list[str]:
    return titles.source_faults(titles.split_sources(typed))


class FaultsOf:
    """Refuse a field with what a pure rule finds wrong with it."""

    def __init__(self, find: Callable[[str], Sequence[str]]) -> None:
        self._find = find

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        faults = self._find(field.data or "")
        if faults:
            raise ValidationError(" ".join(_(sentence) for sentence in faults))


class WordingForm(FlaskForm):
    """How a topic is worded: its title, why it matters, where to read about it."""

    title = StringField(_l("What should we report?"), filters=[_title], validators=[FaultsOf(titles.title_faults)])
    why = TextAreaField(_l("Why does it matter?"), filters=[_lines], validators=[FaultsOf(titles.why_faults)])
    sources = TextAreaField(_l("Where can we read about it?"), validators=[FaultsOf(_source_faults)])

    @property
    def addresses(self) -> list[str]:
        """Return the sources."""
        return titles.split_sources(self.sources.data or "")

    @property
    def language(self) -> str:
        """Return the language of what was typed, whatever the page speaks: screen readers pronounce the topic by it."""
        letters = [character for character in self.title.data if character.isalpha()]
        return "uk" if 2 * sum("\u0400" <= letter <= "\u04ff" for letter in letters) > len(letters) else "en"


class SuggestionForm(WordingForm):
    """A patron's topic, and which similar ones they have looked at before sending it."""

    suggested_as = StringField(_l("A name beside it in public"), filters=[_title], validators=[FaultsOf(titles.name_faults)])
    seen = HiddenField()  # the slugs of the similar topics that were shown, joined by commas

    @property
    def seen_slugs(self) -> frozenset[str]:
        """Return the similar topics that the page has shown."""
        return frozenset((self.seen.data or "").split(","))


class DecisionForm(FlaskForm):
    """What the newsroom answers to a suggestion; which answers need a reason is the service's business."""

    state = RadioField(_l("Answer"), validate_choice=False)
    reason = TextAreaField(
        _l("Public reason"),
        filters=[_lines],
        validators=[Length(max=titles.MAX_WHY, message=_l(titles.WHY_TOO_LONG))],
    )


class MergeForm(FlaskForm):
    """Into which topic another one goes."""

    into = IntegerField(_l("Into which topic?"), validators=[InputRequired(_l("Choose the topic that stays."))])
