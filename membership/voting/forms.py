"""What people tick and type on the pages of voting."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, RadioField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from membership.voting.models import Round, Topic

MAX_TITLE = 120
MAX_WHY = 600
NOT_ON_THE_BALLOT = 0  # no topic has this id: the service refuses it as it refuses any foreign topic


def _strip(value: str | None) -> str:
    return " ".join((value or "").split())


def _strip_lines(value: str | None) -> str:
    return (value or "").strip()


class BallotForm(FlaskForm):
    """The topics that were ticked; whether they make a ballot is the service's business, which knows the vote."""

    topics = SelectMultipleField(validate_choice=False, choices=[])

    def topic_ids(self, round_: Round) -> frozenset[int]:
        """Return the ids of what was ticked."""
        ids = {entry.topic.slug: entry.topic_id for entry in round_.topics}
        return frozenset(ids.get(slug, NOT_ON_THE_BALLOT) for slug in self.topics.data or ())


class SuggestionForm(FlaskForm):
    """A topic and why it matters."""

    title = StringField(
        _l("What should we report?"),
        filters=[_strip],
        validators=[
            DataRequired(_l("Say in a few words what we should report.")),
            Length(min=8, max=MAX_TITLE, message=_l("Use between 8 and 120 characters.")),
        ],
    )
    why = TextAreaField(
        _l("Why does it matter?"),
        filters=[_strip_lines],
        validators=[Length(max=MAX_WHY, message=_l("Use 600 characters or fewer."))],
    )

    def validate_title(self, field: StringField) -> None:
        """Refuse what holds no word."""
        if not any(character.isalpha() for character in field.data):
            raise ValidationError(_l("Say in a few words what we should report."))


class NumberForm(FlaskForm):
    """A ballot number to look up."""

    number = StringField(_l("Your ballot number"), filters=[_strip], validators=[DataRequired(_l("Enter your ballot number."))])


class NoteForm(FlaskForm):
    """A note that everybody can read."""

    note = TextAreaField(
        _l("Why does it close early?"),
        filters=[_strip_lines],
        validators=[
            DataRequired(_l("Say why: everybody can read it beside the result.")),
            Length(max=MAX_WHY, message=_l("Use 600 characters or fewer.")),
        ],
    )


class DecisionForm(FlaskForm):
    """What the newsroom answers to a suggestion."""

    state = RadioField(_l("Answer"), validate_choice=False)
    reason = StringField(_l("Public reason"), filters=[_strip], validators=[Length(max=MAX_WHY)])


class RoundForm(FlaskForm):
    """A new vote; times are the newsroom's local times."""

    name = StringField(
        _l("Name"),
        filters=[_strip],
        validators=[DataRequired(_l("Give the vote a name, such as “The April vote”.")), Length(max=MAX_TITLE)],
    )
    name_uk = StringField(_l("Name in Ukrainian"), filters=[_strip], validators=[Length(max=MAX_TITLE)])
    seats = RadioField(
        _l("How many stories can you promise?"), choices=[SelectChoice(str(number)) for number in range(1, 6)], default="2"
    )
    topics = SelectMultipleField(
        _l("Topics on the ballot"),
        coerce=int,
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    opens_at = DateTimeLocalField(_l("Opens"), format="%Y-%m-%dT%H:%M", validators=[InputRequired(_l("Say when it opens."))])
    closes_at = DateTimeLocalField(_l("Closes"), format="%Y-%m-%dT%H:%M", validators=[InputRequired(_l("Say when it closes."))])

    def __init__(self, usable: list[Topic], *, zone: ZoneInfo, now: datetime) -> None:
        local = now.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
        evening = (local + timedelta(days=7)).replace(hour=20, minute=0)
        times = {"opens_at": local, "closes_at": evening}
        super().__init__(data=times)
        self.topics.choices = [SelectChoice(topic.id, topic.title) for topic in usable]
        self._zone = zone
        self.place = zone.key.rpartition("/")[2].replace("_", " ")

    def opens(self) -> datetime:
        """Return the opening as an instant."""
        return self._instant(self.opens_at.data)

    def closes(self) -> datetime:
        """Return the closing as an instant."""
        return self._instant(self.closes_at.data)

    def validate_topics(self, field: SelectMultipleField) -> None:
        """Refuse an empty ballot and what is not in the list."""
        known = {choice.value for choice in field.choices}
        chosen = set(field.data or ())
        if len(chosen) < 2 or not chosen <= known:
            raise ValidationError(_l("Choose two topics or more."))

    def validate_seats(self, field: RadioField) -> None:
        """Promise no more stories than there are topics."""
        if self.topics.data and int(field.data) > len(self.topics.data):
            raise ValidationError(_l("You promise more stories than there are topics on the ballot."))

    def validate_closes_at(self, field: DateTimeLocalField) -> None:
        """A vote ends after it began."""
        if self.opens_at.data and field.data and field.data < self.opens_at.data + timedelta(minutes=5):
            raise ValidationError(_l("The vote has to close after it opens, five minutes later or more."))

    def _instant(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self._zone)
