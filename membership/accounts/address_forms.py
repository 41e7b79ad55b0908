"""What people type and choose about addresses and mails."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from membership.accounts import addresses

YES, NO = "yes", "no"
GROUP_WORDS = {
    "votes": _l("about votes: that one has opened, and how it ended"),
    "stories": _l("that a story is out which was chosen in a vote you took part in"),
}


def _strip(value: str | None) -> str:
    return (value or "").strip()


class AddressForm(FlaskForm):
    """Another address."""

    email = StringField(_l("New e-mail address"), filters=[_strip])

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address; whether we know it is nobody's business."""
        try:
            addresses.normalise(field.data)
        except ValueError:
            raise ValidationError(_l("Enter an e-mail address, such as name@example.org.")) from None


class AnswerForm(FlaskForm):
    """What a mailbox says. Nothing is chosen beforehand: some mail scanners press every button they find."""

    answer = RadioField(validate_choice=False)

    def __init__(self, *, label: str, yes: str, no: str) -> None:
        super().__init__()
        self.answer.label.text = label
        self.answer.choices = [(YES, yes), (NO, no)]

    def validate_answer(self, field: RadioField) -> None:
        """Say what to do instead of WTForms' own words."""
        if field.data not in (YES, NO):
            raise ValidationError(_l("Choose one of the two."))

    @property
    def agrees(self) -> bool:
        """Return whether the answer is yes."""
        return bool(self.answer.data == YES)


class MailsForm(FlaskForm):
    """Which groups of mails somebody wants."""

    groups = SelectMultipleField(
        _l("Send me mails"),
        choices=[SelectChoice(group, words) for group, words in GROUP_WORDS.items()],
        validate_choice=False,
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )

    def validate_groups(self, field: SelectMultipleField) -> None:
        """Refuse what is no group."""
        if not set(field.data or ()) <= set(GROUP_WORDS):
            raise ValidationError(_l("Choose from the list."))
