"""Where editors keep the newsroom's promises: stories in progress, linked to articles or dropped with a public reason."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.articles import queries as articles
from membership.credits import queries, services
from membership.credits.forms import DropForm, DueForm
from membership.credits.ledger import promise_of
from membership.web.audience import staff
from membership.web.database import kernel, now, session, settings

bp = Blueprint("credits_staff", __name__, url_prefix="/staff")


@bp.get("/stories")
@staff("editor")
def list_stories() -> ResponseReturnValue:
    """Show every chosen topic, what is due first."""
    zone, today = settings().time_zone, now().astimezone(settings().time_zone).date()
    rows = [(story, promise_of(story.commission, zone=zone)) for story in queries.stories(session())]
    waiting = sorted((row for row in rows if row[1].state == "in_progress"), key=lambda row: (row[1].due_on, row[0].commission.id))
    others = [row for row in rows if row[1].state != "in_progress"]
    return _page("list_stories", waiting=waiting, others=others, today=today)


@bp.get("/stories/<int:commission_id>")
@staff("editor")
def show_story(commission_id: int) -> ResponseReturnValue:
    """Show one chosen topic and what can be done about it."""
    return _story_page(commission_id)


@bp.get("/stories/<int:commission_id>/link/<int:article_id>")
@staff("editor")
def confirm_link(commission_id: int, article_id: int) -> ResponseReturnValue:
    """Show what readers will see and who gets a mail, before anything is done."""
    story = queries.get_story(session(), commission_id)
    article = articles.get_article(session(), article_id)
    credit = queries.credit_of(session(), story, article)
    return _page("confirm_link", story=story, article=article, credit=credit, letters=queries.count_letters(session(), story))


@bp.post("/stories/<int:commission_id>/link/<int:article_id>")
@staff("editor")
def link_story(commission_id: int, article_id: int) -> ResponseReturnValue:
    """Link the topic to the article that came of it."""
    services.publish_commission(
        session(), commission_id=commission_id, article_id=article_id, actor_id=current_user.member.id, now=now()
    )
    kernel().queue.wake("story_letters")
    flash(_("Linked. The article names its vote now, and those who voted get their mail."), "success")
    return _back(commission_id)


@bp.post("/stories/<int:commission_id>/unlink")
@staff("editor")
def unlink_story(commission_id: int) -> ResponseReturnValue:
    """Take the link back."""
    services.unlink_commission(session(), commission_id=commission_id, actor_id=current_user.member.id, now=now())
    flash(_("The link is undone. Mails that had not gone out are not sent."), "success")
    return _back(commission_id)


@bp.post("/stories/<int:commission_id>/drop")
@staff("editor")
def drop_story(commission_id: int) -> ResponseReturnValue:
    """Give the promise up, with a public reason."""
    form = DropForm()
    if not form.validate_on_submit():
        return _story_page(commission_id, drop=form), 422
    services.drop_commission(
        session(), commission_id=commission_id, reason=form.reason.data, actor_id=current_user.member.id, now=now()
    )
    flash(_("Dropped. The reason stands on the public page."), "success")
    return _back(commission_id)


@bp.post("/stories/<int:commission_id>/resume")
@staff("editor")
def resume_story(commission_id: int) -> ResponseReturnValue:
    """Take a dropped promise up again."""
    services.resume_commission(session(), commission_id=commission_id, actor_id=current_user.member.id, now=now())
    flash(_("This story is in progress again."), "success")
    return _back(commission_id)


@bp.post("/stories/<int:commission_id>/due")
@staff("editor")
def change_due(commission_id: int) -> ResponseReturnValue:
    """Move the promised month."""
    form = DueForm()
    if not form.validate_on_submit():
        return _story_page(commission_id, due=form), 422
    try:
        services.change_due(session(), commission_id=commission_id, due_on=form.due_on, actor_id=current_user.member.id, now=now())
    except services.MonthIsOver as refused:
        form.month.errors = [_(refused.message)]
        return _story_page(commission_id, due=form), 422
    flash(_("The month is changed. The month first promised stays on the public page."), "success")
    return _back(commission_id)


def _back(commission_id: int) -> ResponseReturnValue:
    return redirect(url_for(".show_story", commission_id=commission_id), code=303)


def _story_page(commission_id: int, *, drop: DropForm | None = None, due: DueForm | None = None) -> str:
    story = queries.get_story(session(), commission_id)
    text = request.args.get("q", "").strip()
    is_open = story.commission.state == "in_progress"
    return _page(
        "show_story",
        story=story,
        promise=promise_of(story.commission, zone=settings().time_zone),
        today=now().astimezone(settings().time_zone).date(),
        q=text,
        articles=queries.linkable_articles(session(), text=text, now=now()) if is_open else [],
        drop=drop or DropForm(formdata=None),
        due=due or DueForm(formdata=None, month=story.commission.due_on.strftime("%Y-%m")),
        problem=bool(drop or due),
    )


def _page(name: str, **context: object) -> str:
    return render_template(f"credits/{name}.html", viewer=current_user, **context)
