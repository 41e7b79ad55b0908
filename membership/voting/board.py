"""The topic board: every topic that may be seen, with its state as the page names it, who supports it and where it came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import false, literal, or_, select
from sqlalchemy.orm import Session, lazyload

from membership.articles.models import Article
from membership.voting import topic_queries
from membership.voting.models import Round, Topic
from membership.voting.places import CHOSEN, ON_BALLOT, Place, places
from membership.voting.titles import search_words, sort_key

SORTS = ("newest", "support", "title", "state")
# In the order in which a sort by state shows them. Suggested: still being read, seen by its author and by staff.
STATES = (
    "on_ballot",
    "shortlisted",
    "taken_up",
    "in_progress",
    "chosen",
    "published",
    "suggested",
    "dropped",
    "declined",
    "merged",
)
STATE_OF = {"approved": "taken_up"}
NOTHING: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True)
class BoardLine:
    """One topic on the board."""

    topic: Topic
    state: str  # one of STATES
    round: Round | None  # the vote it stands in, or which chose it
    article: Article | None
    is_mine: bool
    support: int
    is_supported: bool  # by the viewer

    @property
    def is_open(self) -> bool:
        """Whether it can be supported, and take another topic in."""
        return self.state in ("taken_up", "shortlisted")


@dataclass(frozen=True)
class Board:
    """One page of the topics that were asked for."""

    lines: Sequence[BoardLine]
    page: int
    pages: int
    total: int


class _Found(NamedTuple):
    """What a topic is sorted and chosen by."""

    id: int
    title: str
    state: str
    is_mine: bool


def board(
    session: Session,
    *,
    search: str = "",
    sort: str = "newest",
    state: str = "",
    mine: bool = False,
    viewer_id: int | None = None,
    is_staff: bool = False,
    progress: Mapping[int, str] = NOTHING,
    page: int = 1,
    per_page: int = 30,
) -> Board:
    """Return a page of the public topics and the viewer's own suggestions that are still being read; staff see everybody's.

    progress: what became of what was chosen (in_progress, published or dropped), by topic. A page past the last one is the last.
    """
    stand = places(session)
    visible = _visible(session, stand, progress, search=search, viewer_id=viewer_id, is_staff=is_staff)
    found = [each for each in visible if (not state or each.state == state) and (not mine or each.is_mine)]
    pages = max(1, ceil(len(found) / per_page))
    page = min(max(1, page), pages)
    shown = _sorted(session, found, sort)[(page - 1) * per_page : page * per_page]
    return Board(_lines(session, shown, stand, viewer_id), page, pages, len(found))


def lines_of(
    session: Session, topics: Sequence[Topic], *, viewer_id: int | None = None, progress: Mapping[int, str] = NOTHING
) -> list[BoardLine]:
    """Return these topics as the board shows them; whether the viewer may see them is the caller's business."""
    stand = places(session, [topic.id for topic in topics])
    found = [
        _Found(
            topic.id,
            topic.title,
            _state(topic.state, stand.get(topic.id), progress.get(topic.id)),
            viewer_id is not None and topic.suggested_by_id == viewer_id,
        )
        for topic in topics
    ]
    return _lines(session, found, stand, viewer_id)


def waiting_suggestions(session: Session) -> list[Topic]:
    """Return what patrons suggested and nobody has answered, oldest first."""
    return list(session.scalars(select(Topic).where(Topic.state == "suggested").order_by(Topic.created_at, Topic.id)))


def usable_topics(session: Session, *, round_id: int | None = None) -> list[Topic]:
    """Return what can stand on a new ballot, or on that of this vote being prepared, the shortlisted first."""
    busy = {topic_id for topic_id, place in places(session).items() if place.round_id != round_id}
    found = session.scalars(select(Topic).where(Topic.state.in_(topic_queries.OPEN)))
    usable = sorted((topic for topic in found if topic.id not in busy), key=lambda topic: sort_key(topic.title))
    return sorted(usable, key=lambda topic: topic.state != "shortlisted")


def _visible(
    session: Session,
    stand: Mapping[int, Place],
    progress: Mapping[int, str],
    *,
    search: str,
    viewer_id: int | None,
    is_staff: bool,
) -> Iterable[_Found]:
    """Give every topic that may be seen and holds all words looked for, newest first."""
    words = search_words(search)
    # Row by row and not page by page: what a topic is follows from the votes too, and SQLite knows no capitals beyond ASCII.
    columns = select(Topic.id, Topic.title, Topic.why if words else literal(""), Topic.state, Topic.suggested_by_id)
    if not is_staff:
        # A stranger's id must not be NULL here: that is the author of what somebody suggested who is gone.
        own = false() if viewer_id is None else Topic.suggested_by_id == viewer_id
        columns = columns.where(or_(Topic.state.in_(topic_queries.PUBLIC), own))
    for topic_id, title, why, kept, author_id in session.execute(columns.order_by(Topic.created_at.desc(), Topic.id.desc())):
        text = f"{title} {why}".casefold() if words else ""
        if all(word in text for word in words):
            is_mine = viewer_id is not None and author_id == viewer_id
            yield _Found(topic_id, title, _state(kept, stand.get(topic_id), progress.get(topic_id)), is_mine)


def _state(kept: str, place: Place | None, became: str | None) -> str:
    if place and place.state == CHOSEN:
        return became or CHOSEN
    return ON_BALLOT if place and place.state == ON_BALLOT else STATE_OF.get(kept, kept)


def _sorted(session: Session, found: list[_Found], sort: str) -> list[_Found]:
    if sort == "title":
        return sorted(found, key=lambda each: sort_key(each.title))
    if sort == "state":
        return sorted(found, key=lambda each: STATES.index(each.state))
    if sort == "support":
        support = topic_queries.support_of(session)
        return sorted(found, key=lambda each: -support.get(each.id, 0))
    return found


def _lines(session: Session, shown: Sequence[_Found], stand: Mapping[int, Place], viewer_id: int | None) -> list[BoardLine]:
    ids = [each.id for each in shown]
    topics = {topic.id: topic for topic in session.scalars(select(Topic).where(Topic.id.in_(ids)))}
    wanted = {topic.article_id for topic in topics.values() if topic.article_id}
    articles = {one.id: one for one in session.scalars(select(Article).where(Article.id.in_(wanted)))} if wanted else {}
    round_of = {each: stand[each].round_id for each in ids if each in stand and stand[each].state in (ON_BALLOT, CHOSEN)}
    rounds = _rounds(session, set(round_of.values()))
    support = topic_queries.support_of(session, ids)
    supported = topic_queries.supported_by(session, viewer_id) if viewer_id is not None else set()
    return [
        BoardLine(
            topic=topics[each.id],
            state=each.state,
            round=rounds.get(round_of.get(each.id, 0)),
            article=articles.get(topics[each.id].article_id or 0),
            is_mine=each.is_mine,
            support=support.get(each.id, 0),
            is_supported=each.id in supported,
        )
        for each in shown
    ]


def _rounds(session: Session, ids: set[int]) -> dict[int, Round]:
    # For their names alone: without the count, the topics and all else that comes with a vote.
    named = select(Round).where(Round.id.in_(ids)).options(lazyload("*"))
    return {one.id: one for one in session.scalars(named)} if ids else {}
