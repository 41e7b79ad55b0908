"""What people type on the pages of accounts."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField, ValidationError
from wtforms.validators import Length

from membership.accounts import addresses
from membership.accounts.sign_in_rules import clean_code
from membership.web.languages import LANGUAGE_NAMES

MAX_NAME = 80


def _strip(value: str | None) -> str:
    return (value or "").strip()


class SignInForm(FlaskForm):
    """Whose mailbox may prove who is there, and where to go afterwards."""

    email = StringField(_l("Your e-mail address"), filters=[_strip])
    next = HiddenField()

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address; whether we know it is nobody's business."""
        try:
            addresses.normalise(field.data)
        except ValueError:
            raise ValidationError(_l("Enter your e-mail address, such as name@example.org.")) from None


class CodeForm(FlaskForm):
    """The code from the mail."""

    code = StringField(_l("The code from our mail"), filters=[_strip])

    def validate_code(self, field: StringField) -> None:
        """Refuse what can't be a code, so that a slip costs no try."""
        digits = clean_code(field.data)
        if len(digits) != 6 or not (digits.isascii() and digits.isdecimal()):
            raise ValidationError(_l("Enter the 6 digits from our mail."))


class SettingsForm(FlaskForm):
    """How we call somebody, and in which language."""

    display_name = StringField(
        _l("Your name"),
        filters=[_strip],
        validators=[Length(max=MAX_NAME, message=_l("Enter a name of 80 characters or fewer."))],
    )
    language = RadioField(_l("Language of our mails and of your pages"), validate_choice=False)

    def __init__(self, languages: tuple[str, ...], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.language.choices = [(code, LANGUAGE_NAMES[code]) for code in languages]

    def validate_language(self, field: RadioField) -> None:
        """Say what to do instead of WTForms' own words."""
        if field.data not in dict(field.choices):
            raise ValidationError(_l("Choose a language."))
