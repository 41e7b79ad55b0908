"""What those who look after payments type on the pages about people."""

from uuid import UUID, uuid4

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, RadioField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from membership.accounts.addresses import normalise
from membership.money import parse_amount, to_major
from membership.patronage.models import Payment
from membership.patronage.services.contributions import MOST_COMP_MONTHS
from membership.web.filters import money_text

LONGEST_NOTE = 2000
LONGEST_REASON = 500
AT_ONCE = "at_once"
WHY = _l("Why?")
KEPT_FOR_GOOD = _l("Kept for good in the list of who did what: no names, no addresses.")


def _strip(value: str | None) -> str:
    return (value or "").strip()


def _why_field(label: LazyString = WHY) -> TextAreaField:
    """Return the field for the reason that each act of staff about a person is kept with."""
    return TextAreaField(
        label,
        description=KEPT_FOR_GOOD,
        filters=[_strip],
        validators=[
            DataRequired(_l("Say why: the next person who looks at this wants to know.")),
            Length(max=LONGEST_REASON, message=_l("Use 500 characters or fewer.")),
        ],
    )


class OnceForm(FlaskForm):
    """A form whose button does its work once, however often it is pressed: key names the one act."""

    key = HiddenField()

    @property
    def act_id(self) -> UUID:
        """Return the id of the act; a new one where the form's is none."""
        try:
            return UUID(self.key.data or "")
        except ValueError:
            return uuid4()

    def with_key(self) -> "OnceForm":
        """Return the form with a key to send back."""
        self.key.data = str(self.act_id)
        return self


class NoteForm(FlaskForm):
    """What somebody should know about a person's payments."""

    text = TextAreaField(
        _l("Note"),
        filters=[_strip],
        validators=[
            DataRequired(_l("Write the note first.")),
            Length(max=LONGEST_NOTE, message=_l("Use 2,000 characters or fewer.")),
        ],
    )


class RefundForm(OnceForm):
    """How much of one payment goes back, and why."""

    amount = StringField(_l("How much goes back?"), filters=[_strip])
    note = _why_field()

    def __init__(self, charge: Payment, left_minor: int) -> None:
        super().__init__(data={"amount": f"{to_major(left_minor, charge.currency):f}"})
        self.charge, self.left_minor = charge, left_minor
        self.amount_minor = 0

    def validate_amount(self, field: StringField) -> None:
        """Read the amount; it is at most what is left."""
        left = money_text(self.left_minor, self.charge.currency)
        try:
            self.amount_minor = parse_amount(field.data or "", self.charge.currency)
        except ValueError:
            raise ValidationError(_("Enter an amount of %(left)s or less, such as 2 or 2.50.", left=left)) from None
        if self.amount_minor > self.left_minor:
            raise ValidationError(_("%(left)s of this payment is left. Enter that or less.", left=left))


class StopForMemberForm(FlaskForm):
    """When somebody's support ends, and why."""

    when = RadioField(
        _l("When does it end?"),
        choices=[
            SelectChoice("period_end", _l("when the time that is paid for ends")),
            SelectChoice(AT_ONCE, _l("at once; open bills are not collected any more")),
        ],
        default="period_end",
    )
    reason = _why_field()


class GrantForm(OnceForm):
    """For how long somebody gets a free seat, and why."""

    months = IntegerField(
        _l("For how many months?"),
        default=1,
        validators=[
            InputRequired(_l("Enter a number of months.")),
            NumberRange(1, MOST_COMP_MONTHS, message=_l("Give from one to 24 months.")),
        ],
    )
    note = _why_field()


class LostMailboxForm(FlaskForm):
    """The new address of somebody who has lost their mailbox, and how we know that it is them."""

    email = StringField(_l("New e-mail address"), filters=[_strip])
    reason = _why_field(_l("Why, and how do you know that it is them?"))

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address."""
        try:
            normalise(field.data)
        except ValueError:
            raise ValidationError(_l("Enter an e-mail address, such as name@example.org.")) from None

    def validate_reason(self, field: TextAreaField) -> None:
        """Keep addresses out of what stays in the audit trail."""
        if "@" in (field.data or ""):
            raise ValidationError(_l("Leave addresses out here: this text is kept for good."))
