"""What patrons and editors type about topics; what is wrong with it is membership.voting.titles' business."""

from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, IntegerField, RadioField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length

from membership.voting import titles


def _title(value: str | None) -> str:
    return titles.clean_title(value or "")


def _lines(value: str | None) -> str:
    return titles.clean_lines(value or "")


def _sources(value: str | None) -> list[str]:
    return titles.split_sources(value or "")


class FaultsOf:
    """Refuse a field with what a pure rule finds wrong with it."""

    def __init__(self, find: Callable[[Any], Sequence[str]], read: Callable[[str | None], object]) -> None:
        self._find, self._read = find, read

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        faults = self._find(self._read(field.data))
        if faults:
            raise ValidationError(" ".join(_(sentence) for sentence in faults))


class WordingForm(FlaskForm):
    """How a topic is worded: its title, why it matters, where to read about it."""

    title = StringField(_l("What should we report?"), filters=[_title], validators=[FaultsOf(titles.title_faults, _title)])
    why = TextAreaField(_l("Why does it matter?"), filters=[_lines], validators=[FaultsOf(titles.why_faults, _lines)])
    sources = TextAreaField(_l("Where can we read about it?"), validators=[FaultsOf(titles.source_faults, _sources)])

    @property
    def addresses(self) -> list[str]:
        """Return the sources."""
        return _sources(self.sources.data)

    @property
    def language(self) -> str:
        """Return the language of what was typed, whatever the page speaks: screen readers pronounce the topic by it."""
        letters = [character for character in self.title.data if character.isalpha()]
        return "uk" if 2 * sum("\u0400" <= letter <= "\u04ff" for letter in letters) > len(letters) else "en"


class SuggestionForm(WordingForm):
    """A patron's topic, and which similar ones they have looked at before sending it."""

    suggested_as = StringField(
        _l("A name beside it in public"), filters=[_title], validators=[FaultsOf(titles.name_faults, _title)]
    )
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
        validators=[Length(max=titles.MAX_WHY, message=_l("Use 600 characters or fewer."))],
    )


class MergeForm(FlaskForm):
    """Into which topic another one goes."""

    into = IntegerField(_l("Into which topic?"), validators=[InputRequired(_l("Choose the topic that stays."))])
