"""What staff type when they write the newsroom's own texts, and what these texts are called and filled with."""

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange
from wtforms.widgets import HiddenInput

from membership.config import Settings

LONGEST = 50_000


class TextForm(FlaskForm):
    """A text in Markdown, and which version its writer has read."""

    body = TextAreaField(
        _l("Text"),
        validators=[
            DataRequired(_l("Write something, or take the text back to the draft.")),
            Length(max=LONGEST, message=_l("Keep it below 50,000 characters.")),
        ],
    )
    version = IntegerField(
        widget=HiddenInput(), validators=[InputRequired(_l("Load this page again: it was not sent whole.")), NumberRange(min=0)]
    )


def text_title(key: str) -> str:
    """Return what a text is called."""
    return {
        "terms": gettext("Terms"),
        "privacy": gettext("Privacy"),
        "refunds": gettext("Refunds and withdrawal"),
        "imprint": gettext("Imprint"),
    }[key]


def text_facts(settings: Settings) -> Mapping[str, str]:
    """Return what the placeholders of a text stand for."""
    return {
        "SITE_NAME": settings.site_name,
        "SITE_URL": settings.site_url,
        "LEGAL_NAME": settings.legal_name,
        "LEGAL_ADDRESS": settings.legal_address,
        "CONTACT_EMAIL": settings.contact_email,
        "STATEMENT_DESCRIPTOR": settings.statement_descriptor,
    }
