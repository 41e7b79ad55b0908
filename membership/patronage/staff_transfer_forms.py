"""What those who look after payments upload and type about money that comes another way."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField, RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, DataRequired, Length

from membership.money import parse_amount
from membership.patronage.models import BankTransfer, Plan
from membership.patronage.people import Line
from membership.patronage.services import BY_HAND
from membership.patronage.sheet_words import SHOWN_FAULTS, fault_text, sheet_problem
from membership.patronage.sheets import MOST_BYTES, BadSheet, Fault
from membership.patronage.transfers import Candidate
from membership.web.filters import money_text

LONGEST_NOTE, LONGEST_REFERENCE = 500, 80
OLDEST = timedelta(days=5 * 366)


class Sheet(Protocol):
    """What is read from a file."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, line by line."""


Read = TypeVar("Read", bound=Sheet)


class SheetForm(FlaskForm, Generic[Read]):
    """A CSV file; sheet is what stands in it, once the form is valid."""

    file = FileField(_l("CSV file"))

    def __init__(self, read: Callable[[bytes], Read]) -> None:
        super().__init__()
        self.read = read
        self.sheet: Read
        self.faults: list[str] = []

    def validate_file(self, field: FileField) -> None:
        """Read the file; what is wrong in its lines stands in faults."""
        raw = field.data.read(MOST_BYTES + 1) if field.data else b""
        if not raw:
            raise ValidationError(_("Choose the CSV file first."))
        try:
            self.sheet = self.read(raw)
        except BadSheet as bad:
            raise ValidationError(sheet_problem(bad)) from None
        faults = self.sheet.faults
        self.faults = [fault_text(fault) for fault in faults[:SHOWN_FAULTS]]
        if faults:
            raise ValidationError(
                ngettext(
                    "%(num)d line can’t be read, so nothing was taken over.",
                    "%(num)d lines can’t be read, so nothing was taken over.",
                    len(faults),
                )
            )


class WhoForm(FlaskForm):
    """Whose money it is, of those who were found."""

    who = RadioField(_l("Whose is it?"), validate_choice=False)

    def __init__(self, found: Sequence[Candidate], **values: Any) -> None:
        super().__init__(**values)
        self.who.choices = [SelectChoice(candidate.key, _label(candidate)) for candidate in found]

    def validate_who(self, field: RadioField) -> None:
        """Take one of those who were found."""
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(_("Choose whose it is."))

    @property
    def receiver(self) -> dict[str, Any]:
        """Return the member's number, or the address of who is none yet, as services take it."""
        return {"email": self.who.data} if "@" in self.who.data else {"member_id": int(self.who.data)}


class TransferForm(WhoForm):
    """Whose a transfer is and, in another currency than the plan's, what it is worth."""

    worth = StringField(filters=[lambda text: (text or "").strip()])

    def __init__(self, found: Sequence[Candidate], transfer: BankTransfer, plan: Plan) -> None:
        super().__init__(found)
        self.worth.label.text = _("What is it worth in %(currency)s?", currency=plan.currency.upper())
        self.worth_minor: int | None = None
        self.plan, self.is_foreign = plan, transfer.currency != plan.currency

    def validate_worth(self, field: StringField) -> None:
        """Read the amount where one is asked for."""
        if self.is_foreign:
            self.worth_minor = _read_amount(field, self.plan, 1)


class DismissForm(FlaskForm):
    """Why a transfer is no support."""

    note = StringField(
        _l("What is it?"),
        filters=[lambda text: (text or "").strip()],
        validators=[DataRequired(_l("Write what it is.")), Length(max=LONGEST_NOTE, message=_l("Keep it below 500 characters."))],
    )


class DayField(DateField):
    """A day; what is wrong with it is said by its form."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read a day; None for what is none."""
        with suppress(ValueError):
            super().process_formdata(valuelist)


class ContributionForm(WhoForm):
    """Money that came by another way."""

    source = RadioField(
        _l("How did it come?"),
        choices=[SelectChoice("paypal", _l("PayPal")), SelectChoice("cash", _l("in cash")), SelectChoice("bank", _l("by bank"))],
        validate_choice=False,
        validators=[AnyOf(BY_HAND, message=_l("Choose how it came."))],
    )
    amount = StringField(_l("Amount"), filters=[lambda text: (text or "").strip()])
    came_on = DayField(_l("Day on which it came"))
    reference = StringField(
        _l("Number of the payment"),
        filters=[lambda text: " ".join((text or "").split())],
        validators=[
            DataRequired(_l("Enter a number: it keeps the payment from being booked twice.")),
            Length(max=LONGEST_REFERENCE, message=_l("Keep it below 80 characters.")),
        ],
    )

    def __init__(self, found: Sequence[Candidate], plan: Plan, today: date) -> None:
        # Kept when the form is sent again: a double click books once.
        super().__init__(found, data={"came_on": today, "reference": f"{today:%Y%m%d}-{uuid4().hex[:8]}"})
        self.plan, self.today = plan, today
        self.amount_minor = 0

    def validate_amount(self, field: StringField) -> None:
        """Read the amount; less than a month's makes nobody a patron."""
        self.amount_minor = _read_amount(field, self.plan, self.plan.minimum_month_minor)

    def validate_came_on(self, field: DateField) -> None:
        """Take a day that has come, and not so long ago that it must be a slip."""
        if field.data is None or not self.today - OLDEST <= field.data <= self.today:
            raise ValidationError(_("Enter a day of the last five years."))


def _read_amount(field: StringField, plan: Plan, lowest_minor: int) -> int:
    lowest = money_text(lowest_minor, plan.currency)
    try:
        amount = parse_amount(field.data or "", plan.currency)
    except ValueError:
        raise ValidationError(_("Enter an amount of %(lowest)s or more, such as 7 or 7.50.", lowest=lowest)) from None
    if amount < lowest_minor:
        raise ValidationError(_("Enter %(lowest)s or more: less pays for no month.", lowest=lowest))
    return amount


def _label(candidate: Candidate) -> str:
    if candidate.line is None:
        return _("%(address)s, new here", address=candidate.key)
    return _name(candidate.line)


def _name(line: Line) -> str:
    member = line.member
    parts = [f"#{member.id}", member.display_name, member.address or _("no address")]
    return " · ".join(part for part in parts if part)
