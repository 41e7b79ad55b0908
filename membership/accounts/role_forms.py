"""What admins type on the pages about the staff."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from membership.accounts import addresses
from membership.accounts.forms import MAX_NAME
from membership.accounts.models import ROLES
from membership.web.languages import LANGUAGE_NAMES

LONGEST_REASON = 500
ROLE_NAMES = {"editor": _l("editor"), "counter": _l("counter"), "treasurer": _l("treasurer"), "admin": _l("admin")}


def _strip(value: str | None) -> str:
    return (value or "").strip()


def _roles_field() -> SelectMultipleField:
    return SelectMultipleField(
        _l("Roles"),
        choices=[SelectChoice(role, ROLE_NAMES[role]) for role in ROLES],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
        validate_choice=False,
    )


def _why_field() -> TextAreaField:
    return TextAreaField(
        _l("Why?"),
        description=_l("Kept for good in the list of who did what: no names, no addresses."),
        filters=[_strip],
        validators=[
            DataRequired(_l("Say why: the next person who looks at this wants to know.")),
            Length(max=LONGEST_REASON, message=_l("Use 500 characters or fewer.")),
        ],
    )


def _refuse_no_role(field: SelectMultipleField, message: str) -> None:
    if not field.data or not set(field.data) <= set(ROLES):
        raise ValidationError(message)


class InvitationForm(FlaskForm):
    """Whom to invite, and as what."""

    email = StringField(_l("E-mail address"), filters=[_strip])
    display_name = StringField(
        _l("Name"),
        filters=[_strip],
        validators=[Length(max=MAX_NAME, message=_l("Enter a name of 80 characters or fewer."))],
    )
    language = RadioField(_l("Language of the mail"), validate_choice=False)
    roles = _roles_field()

    def __init__(self, languages: tuple[str, ...], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.language.choices = [(code, LANGUAGE_NAMES[code]) for code in languages]

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address."""
        try:
            addresses.normalise(field.data)
        except ValueError:
            raise ValidationError(_l("Enter an e-mail address, such as name@example.org.")) from None

    def validate_language(self, field: RadioField) -> None:
        """Say what to do instead of WTForms' own words."""
        if field.data not in dict(field.choices):
            raise ValidationError(_l("Choose a language."))

    def validate_roles(self, field: SelectMultipleField) -> None:
        """Ask for one role or more."""
        _refuse_no_role(field, _l("Choose one role or more."))


class RolesForm(FlaskForm):
    """Which roles somebody holds from now on."""

    roles = _roles_field()
    reason = _why_field()

    def validate_roles(self, field: SelectMultipleField) -> None:
        """Ask for one role or more."""
        _refuse_no_role(field, _l("Choose one role or more, or say below that this person no longer works here."))


class LeavingForm(FlaskForm):
    """Why somebody no longer works here; its fields stand on one page with those of RolesForm."""

    left_reason = _why_field()
