"""What people type to look for their ballot."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired


class NumberForm(FlaskForm):
    """A ballot number to look up."""

    number = StringField(_l("Your ballot number"), validators=[DataRequired(_l("Enter your ballot number."))])
