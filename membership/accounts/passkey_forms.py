"""What staff type on the pages of their passkeys; what their authenticators answer is put in by the page's script."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from membership.accounts import addresses

MAX_NAME = 60


def _strip(value: str | None) -> str:
    return (value or "").strip()


class AnswerForm(FlaskForm):
    """What an authenticator answered; the field's name is web.audience.ANSWER."""

    passkey_answer = HiddenField()

    def validate(self, extra_validators: object = None) -> bool:
        """Say what is missing where no script ran, once everything that is typed is right."""
        if not super().validate(extra_validators):
            return False
        if not self.passkey_answer.data:
            self.form_errors.append(_("Your browser did not ask for a passkey. This page needs JavaScript; try another browser."))
        return not self.form_errors


class SignInWithPasskeyForm(AnswerForm):
    """Whoever's passkey answers, and where to go afterwards."""

    next = HiddenField()


class NameForm(FlaskForm):
    """What a passkey is called."""

    name = StringField(
        _l("What do you call it?"),
        filters=[_strip],
        validators=[
            DataRequired(_l("Give it a name, such as “my phone”.")),
            Length(max=MAX_NAME, message=_l("Use 60 characters or fewer.")),
        ],
    )


class NewPasskeyForm(AnswerForm, NameForm):
    """A new passkey and what it is called."""


class RecoveryForm(FlaskForm):
    """An address and one of its recovery codes."""

    address = StringField(_l("Your e-mail address"), filters=[_strip])
    code = StringField(_l("One of your recovery codes"), filters=[_strip], validators=[DataRequired(_l("Enter a recovery code."))])

    def validate_address(self, field: StringField) -> None:
        """Take whatever is an address."""
        try:
            addresses.normalise(field.data)
        except ValueError:
            raise ValidationError(_l("Enter your e-mail address, such as name@example.org.")) from None
