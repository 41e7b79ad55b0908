"""Reading the newsroom's own texts: terms, privacy, refunds, imprint."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from membership.articles.drafts import KEYS, draft
from membership.articles.models import NewsroomText
from membership.config import KNOWN_LANGUAGES
from membership.errors import NotFound


@dataclass(frozen=True)
class Text:
    """What stands on the site: the newsroom's newest version, or the draft."""

    key: str
    language: str
    row: NewsroomText | None  # None: nobody has written anything yet

    @property
    def is_draft(self) -> bool:
        """Whether nobody here has made this text their own."""
        return self.row is None or self.row.body is None

    @property
    def body(self) -> str:
        """The text's Markdown."""
        return self.row.body if self.row is not None and self.row.body is not None else draft(self.key, self.language)

    @property
    def version(self) -> int:
        """The number of the version, 0 before the first."""
        return self.row.version if self.row else 0


def get_text(session: Session, key: str, language: str) -> Text:
    """Return one text as it stands. Raises NotFound."""
    _check(key, language)
    return Text(key, language, session.scalar(_newest_first(key, language).limit(1)))


def texts(session: Session, languages: Sequence[str]) -> list[Text]:
    """Return every text in these languages."""
    return [get_text(session, key, language) for key in KEYS for language in languages]


def versions_of(session: Session, key: str, language: str) -> list[NewsroomText]:
    """Return every version, newest first."""
    return list(session.scalars(_newest_first(key, language)))


def get_version(session: Session, key: str, language: str, version: int) -> NewsroomText:
    """Return one version that holds a text. Raises NotFound."""
    _check(key, language)
    found = session.scalar(_newest_first(key, language).where(NewsroomText.version == version))
    if found is None or found.body is None:
        raise NotFound("There is no such version of this text.")
    return found


def _newest_first(key: str, language: str) -> Select[NewsroomText]:
    wanted = select(NewsroomText).where(NewsroomText.key == key, NewsroomText.language == language)
    return wanted.order_by(NewsroomText.version.desc()).execution_options(populate_existing=True)


def _check(key: str, language: str) -> None:
    if key not in KEYS or language not in KNOWN_LANGUAGES:
        raise NotFound("There is no such text.")
