"""What an editor types about a story in progress."""

from datetime import UTC, date, datetime

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length
from wtforms.widgets import MonthInput

MAX_REASON = 500


def _strip(value: str | None) -> str:
    return (value or "").strip()


class DropForm(FlaskForm):
    """Why a promised story will not come."""

    reason = TextAreaField(
        _l("Why will it not come?"),
        filters=[_strip],
        validators=[
            DataRequired(_l("Say in a sentence why this story will not come. Readers will see it.")),
            Length(max=MAX_REASON, message=_l("Say it in 500 characters or fewer.")),
        ],
    )


class DueForm(FlaskForm):
    """The month for which a story is promised; due_on is its first day once the form is valid."""

    month = StringField(_l("Promised for"), widget=MonthInput(), filters=[_strip])
    due_on: date

    def validate_month(self, field: StringField) -> None:
        """Read a year and a month."""
        try:
            self.due_on = datetime.strptime(field.data, "%Y-%m").replace(tzinfo=UTC).date()
        except ValueError:
            raise ValidationError(_l("Enter a month, such as 2026-05.")) from None
