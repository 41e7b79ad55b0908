"""Where admins write the newsroom's own texts."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.articles import newsroom_texts, services
from membership.articles.drafts import render
from membership.articles.text_forms import TextForm, text_facts, text_title
from membership.errors import Conflict
from membership.web.audience import staff
from membership.web.database import now, session, settings
from membership.web.languages import LANGUAGE_NAMES

bp = Blueprint("articles_staff", __name__, url_prefix="/staff/texts")


@bp.get("")
@staff("admin")
def list_texts() -> ResponseReturnValue:
    """Show which of the newsroom's texts are still drafts."""
    return _page("list_texts", texts=newsroom_texts.texts(session(), settings().languages))


@bp.route("/<key>/<language>", methods=["GET", "POST"])
@staff("admin")
def edit_text(key: str, language: str) -> ResponseReturnValue:
    """Write a text; with "preview" it is only shown as it would be."""
    text = newsroom_texts.get_text(session(), key, language)
    form = TextForm(data={"body": text.body, "version": text.version})
    if request.method == "GET":
        return _edit_page(text, form)
    if not form.validate():
        return _edit_page(text, form), 422
    if request.form.get("do") == "preview":
        return _edit_page(text, form, preview=render(form.body.data, text_facts(settings())))
    try:
        services.save_text(
            session(),
            key=key,
            language=language,
            body=form.body.data,
            based_on=form.version.data,
            actor_id=current_user.member.id,
            now=now(),
        )
    except Conflict as conflict:
        form.form_errors.append(_(conflict.message))
        newest = newsroom_texts.get_text(session(), key, language)
        form.version.raw_data = [str(newest.version)]
        return _edit_page(newest, form), 422
    flash(_("Saved. It stands on the site now."), "success")
    return redirect(url_for(".edit_text", key=key, language=language), code=303)


@bp.get("/<key>/<language>/versions/<int:version>")
@staff("admin")
def show_version(key: str, language: str, version: int) -> ResponseReturnValue:
    """Show an earlier version."""
    found = newsroom_texts.get_version(session(), key, language, version)
    present = newsroom_texts.get_text(session(), key, language)
    return _page("show_version", found=found, present=present, html=render(found.body or "", text_facts(settings())))


@bp.post("/<key>/<language>/draft")
@staff("admin")
def take_back_text(key: str, language: str) -> ResponseReturnValue:
    """Put the draft on the site again."""
    services.take_back_text(session(), key=key, language=language, actor_id=current_user.member.id, now=now())
    flash(_("The draft stands on the site again. What was written is kept among the earlier versions."), "success")
    return redirect(url_for(".edit_text", key=key, language=language), code=303)


def _edit_page(text: newsroom_texts.Text, form: TextForm, *, preview: str | None = None) -> str:
    return _page(
        "edit_text",
        text=text,
        form=form,
        problem=bool(form.errors),
        preview=preview,
        versions=newsroom_texts.versions_of(session(), text.key, text.language),
        facts=text_facts(settings()),
    )


def _page(name: str, **context: object) -> str:
    return render_template(
        f"articles/staff/{name}.html", viewer=current_user, title_of=text_title, language_names=LANGUAGE_NAMES, **context
    )
