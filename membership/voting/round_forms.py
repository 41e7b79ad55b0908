"""What staff type about a vote: its settings while it is prepared, and the public words of every later change."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    IntegerField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, StopValidation
from wtforms.widgets import CheckboxInput, ListWidget

from membership.errors import NotAllowed
from membership.voting import local_times, presets
from membership.voting.models import AT_OPENING, WHILE_OPEN, Round, Topic
from membership.voting.services.setting_up import DEFAULTS, SHORTEST, RoundSettings

LENGTH_OF_NAME = Length(max=120, message=_l("Use 120 characters or fewer."))
MAX_NOTE = 600
LOCAL = "%Y-%m-%dT%H:%M"


def place_of(zone: ZoneInfo) -> str:
    """Return the town that this zone is named after."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def _strip(value: str | None) -> str:
    return " ".join((value or "").split())


def _strip_lines(value: str | None) -> str:
    return (value or "").strip()


def _note(label: str, missing: str) -> TextAreaField:
    too_long = Length(max=MAX_NOTE, message=_l("Use 600 characters or fewer."))
    return TextAreaField(label, filters=[_strip_lines], validators=[DataRequired(missing), too_long])


def _hours(label: str) -> IntegerField:
    return IntegerField(label, validators=[NumberRange(0, 72, message=_l("Enter a number of hours from 0 to 72."))])


def _instant(field: DateTimeLocalField, zone: ZoneInfo) -> datetime:
    """Return what was typed as an instant; raises ValidationError for a time that the clocks skip or show twice."""
    if field.data is None:  # no time at all, which the field has said already
        raise StopValidation
    try:
        return local_times.instant_of(field.data, zone)
    except NotAllowed as refusal:
        raise ValidationError(_(refusal.message)) from refusal


class RoundForm(FlaskForm):
    """A vote of one kind that has not opened; times are the newsroom's local times."""

    name = StringField(
        _l("Name"),
        filters=[_strip],
        validators=[DataRequired(_l("Give the vote a name, such as “The April vote”.")), LENGTH_OF_NAME],
    )
    name_uk = StringField(_l("Name in Ukrainian"), filters=[_strip], validators=[LENGTH_OF_NAME])
    topics = SelectMultipleField(
        _l("Topics on the ballot"),
        coerce=int,
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    seats = RadioField(_l("How many stories can you promise?"))
    opens_at = DateTimeLocalField(_l("Opens"), format=LOCAL, validators=[InputRequired(_l("Say when it opens."))])
    closes_at = DateTimeLocalField(_l("Closes"), format=LOCAL, validators=[InputRequired(_l("Say when it closes."))])
    electorate = RadioField(
        _l("Who can vote"),
        choices=[
            SelectChoice(WHILE_OPEN, _l("Everybody who is a patron while it is open")),
            SelectChoice(AT_OPENING, _l("Only those who are patrons when it opens")),
        ],
    )
    plain = BooleanField(_l("Count by most ticks, even with two winners or more"))
    max_ticks = IntegerField(
        _l("Ticks on a ballot, at most"), validators=[NumberRange(1, 10, message=_l("Enter a number from 1 to 10."))]
    )
    settling_hours = _hours(_l("Hours to wait for first payments after the close"))
    embargo_hours = _hours(_l("Hours to look the count over before it is public"))

    def __init__(
        self,
        usable: Sequence[Topic],
        *,
        support: Mapping[int, int],
        preset: str,
        is_first: bool,
        zone: ZoneInfo,
        now: datetime,
        round_: Round | None = None,
    ) -> None:
        super().__init__(data=_data_of(round_, zone) if round_ else _first_data(preset, is_first, zone, now))
        self.topics.choices = [SelectChoice(topic.id, _topic_label(topic, support.get(topic.id, 0))) for topic in usable]
        allowed = presets.seats_allowed(preset, is_first=is_first)
        self.seats.choices = [SelectChoice(str(number)) for number in allowed]
        if not self.is_submitted() and self.seats.data not in {choice.value for choice in self.seats.choices}:
            self.seats.data = str(min(presets.usual_seats(preset, is_first=is_first), allowed[-1]))
        self.preset, self._zone, self.place = preset, zone, place_of(zone)
        if preset != "custom":
            del self.closes_at

    def settings(self) -> RoundSettings:
        """Return what was typed and ticked; call it once the form is valid."""
        return RoundSettings(
            name=self.name.data,
            name_uk=self.name_uk.data or "",
            topic_ids=self.topics.data,
            seats=int(self.seats.data),
            opens_at=local_times.instant_of(self.opens_at.data, self._zone),
            closes_at=self._closes(),
            preset=self.preset,
            electorate=self.electorate.data,
            rule="plain" if self.plain.data else None,
            max_ticks=self.max_ticks.data,
            settling_hours=self.settling_hours.data,
            embargo_hours=self.embargo_hours.data,
        )

    def validate_topics(self, field: SelectMultipleField) -> None:
        """Refuse an empty ballot and what is not in the list."""
        chosen = set(field.data or ())
        if not chosen <= {choice.value for choice in field.choices}:
            raise ValidationError(_l("One of these topics can’t stand on a ballot any more. Look at the others and send it again."))
        if len(chosen) < 2:
            raise ValidationError(_l("Choose two topics or more."))
        if fault := presets.topics_fault(self.preset, len(chosen)):
            raise ValidationError(_(fault))

    def validate_seats(self, field: RadioField) -> None:
        """Promise no more stories than there are topics."""
        if not field.errors and self.topics.data and int(field.data) > len(self.topics.data):
            raise ValidationError(_l("You promise more stories than there are topics on the ballot."))

    def validate_opens_at(self, field: DateTimeLocalField) -> None:
        """Refuse a time that the clocks skip or show twice; of a kind with a length of its own, such an end too."""
        _instant(field, self._zone)
        if "closes_at" not in self:
            try:
                self._closes()
            except NotAllowed as refusal:
                raise ValidationError(
                    _("It would close in the night in which the clocks change. Choose another hour.")
                ) from refusal

    def validate_closes_at(self, field: DateTimeLocalField) -> None:
        """A vote ends after it began."""
        closes_at = _instant(field, self._zone)
        if not self.opens_at.errors and self.opens_at.data:
            opens_at = self.opens_at.data.replace(tzinfo=self._zone)
            if closes_at < opens_at + SHORTEST:
                raise ValidationError(_l("The vote has to close after it opens, five minutes later or more."))

    def _closes(self) -> datetime:
        length = presets.PRESETS[self.preset].length
        if length is None:
            return local_times.instant_of(self.closes_at.data, self._zone)
        return local_times.days_later(self.opens_at.data, length, self._zone)


class ExtensionForm(FlaskForm):
    """A later end, and why."""

    closes_at = DateTimeLocalField(_l("The new end"), format=LOCAL, validators=[InputRequired(_l("Say when it closes."))])
    extension_note = _note(_l("Why does it stay open longer?"), _l("Say why: everybody can read it beside the vote."))

    def __init__(self, *, zone: ZoneInfo, **options: Any) -> None:
        super().__init__(**options)
        self._zone, self.place = zone, place_of(zone)

    def validate_closes_at(self, field: DateTimeLocalField) -> None:
        """Refuse a time that the clocks skip or show twice."""
        _instant(field, self._zone)

    def words(self) -> dict[str, Any]:
        """Return the new end as an instant, and the note."""
        return {"closes_at": local_times.instant_of(self.closes_at.data, self._zone), "note": self.extension_note.data}


class ClosingForm(FlaskForm):
    """Why a vote closes early."""

    note = _note(_l("Why does it close early?"), _l("Say why: everybody can read it beside the result."))

    def words(self) -> dict[str, Any]:
        """Return the note."""
        return {"note": self.note.data}


class WithdrawalForm(FlaskForm):
    """A topic to take off the ballot, and why."""

    topic = RadioField(_l("Which topic?"), coerce=int, validators=[InputRequired(_l("Choose a topic."))])
    withdrawal_reason = _note(_l("Why is it taken off the ballot?"), _l("Say why: everybody can read it beside the vote."))

    def __init__(self, round_: Round, **options: Any) -> None:
        super().__init__(**options)
        self.topic.choices = [SelectChoice(entry.topic_id, entry.topic.title) for entry in round_.standing_topics]

    def words(self) -> dict[str, Any]:
        """Return the topic and the reason."""
        return {"topic_id": self.topic.data, "reason": self.withdrawal_reason.data}


class VoidingForm(FlaskForm):
    """Why a vote counts for nothing."""

    void_reason = _note(_l("Why is it void?"), _l("Say why: everybody can read it in place of the result."))

    def words(self) -> dict[str, Any]:
        """Return the reason."""
        return {"reason": self.void_reason.data}


# What is said in public of a change; once such a form is valid, its words() are what the service wants to know.
ChangeForm = ExtensionForm | ClosingForm | WithdrawalForm | VoidingForm


def _topic_label(topic: Topic, supporters: int) -> str:
    if not supporters:
        return topic.title
    return ngettext(
        "%(title)s (%(count)s patron supports it)",
        "%(title)s (%(count)s patrons support it)",
        supporters,
        title=topic.title,
        count=supporters,
    )


def _first_data(preset: str, is_first: bool, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    local = local_times.wall_time(now, zone).replace(second=0, microsecond=0)
    evening = (local + timedelta(days=7)).replace(hour=20, minute=0)
    seats = str(presets.usual_seats(preset, is_first=is_first))
    return DEFAULTS | {"opens_at": local, "closes_at": evening, "seats": seats, "plain": False}


def _data_of(round_: Round, zone: ZoneInfo) -> dict[str, Any]:
    columns = ("name", "name_uk", "electorate", "max_ticks", "settling_hours", "embargo_hours")
    return {name: getattr(round_, name) for name in columns} | {
        "topics": [entry.topic_id for entry in round_.topics],
        "seats": str(round_.seats),
        "opens_at": local_times.wall_time(round_.opens_at, zone),
        "closes_at": local_times.wall_time(round_.closes_at, zone),
        "plain": round_.rule == "plain" and round_.seats > 1,
    }
