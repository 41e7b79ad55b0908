"""What people type to pay by bank or PayPal."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from membership.accounts.addresses import normalise
from membership.patronage.forms import strip
from membership.patronage.giving_forms import NO_ADDRESS


class ReferenceForm(FlaskForm):
    """Under which address whoever is not signed in wants to be a patron."""

    email = StringField(_l("Your e-mail address"), filters=[strip])

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address."""
        try:
            normalise(field.data)
        except ValueError:
            raise ValidationError(NO_ADDRESS) from None
