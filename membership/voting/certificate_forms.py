"""What people type to look for their ballot."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired


def _strip(value: str | None) -> str:
    return " ".join((value or "").split())


class NumberForm(FlaskForm):
    """A ballot number to look up."""

    number = StringField(_l("Your ballot number"), filters=[_strip], validators=[DataRequired(_l("Enter your ballot number."))])
