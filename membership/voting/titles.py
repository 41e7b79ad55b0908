"""What a topic may say, and which titles are the same in disguise. Pure.

Letters that look alike are those of Unicode Technical Standard 39 (confusables) within Latin, Cyrillic and Greek, folded so that a
title in capitals keeps the key that it has in small letters.
"""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

N_ = str  # marks a text for the catalogues

MIN_TITLE, MAX_TITLE = 8, 120
MAX_WHY = 600
MAX_SOURCES, MAX_SOURCE = 5, 300
MAX_NAME = 60
MOST_MARKS = 2  # й with a stress mark has two; nobody who writes a word needs three
FEWEST_SHOUTED = 12  # capitals; a title of a few capitals is an acronym

# Greek capitals look like other letters than their small ones do, so they are folded first.
CAPITALS = str.maketrans("ΑΒΓΕΖΗΙΚΛΜΝΟΠΡΤΥΦΧӀ", "ABГEZHIKЛMNOПPTYФXl")
ALIKE = str.maketrans("авекмнорстухіјѕԁԛԝһӏαβεγηικνορτυχωıɡ", "abekmhopctyxijsdqwhlabeynikvoptuxwig")
BREVE, DIAERESIS = "\u0306", "\u0308"
APOSTROPHES = frozenset("'’ʼ‘`´′＇")
OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Beside what Unicode calls a format character: joiners, fillers and blanks that show nothing.
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
SOFT_HYPHEN = "\u00ad"
UKRAINIAN_ORDER = {letter: chr(0x430 + at) for at, letter in enumerate("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя")}

ENDINGS = "ai|app|biz|click|co|com|dev|eu|gg|info|io|link|ly|media|net|news|online|org|ru|shop|site|top|tv|ua|xyz|укр"
# Each part begins where a word begins, so that a long word is read once.
LINK = re.compile(
    rf"\b[a-z]+://|\bwww\.|\S@\S+\.\w|(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:{ENDINGS})(?![\w-])|(?<![\w-])[\w-]+\.[a-z]{{2,}}/",
    re.IGNORECASE,
)

NO_WORD = N_("Say in a few words what we should report.")
WRONG_LENGTH = N_("Use between 8 and 120 characters.")
WHY_TOO_LONG = N_("Use 600 characters or fewer.")
NAME_TOO_LONG = N_("Use a name of 60 characters or fewer.")
TOO_MANY_MARKS = N_("Use plain letters: there are too many marks above or below them.")
HIDDEN = N_("There are invisible characters in it. Please type it instead of pasting it.")
SHOUTED = N_("Please don’t write it in capitals only.")
NO_LINKS = N_("Please leave web and mail addresses out of here. Links belong in the sources.")
TOO_MANY_SOURCES = N_("Give five sources or fewer.")
SOURCE_TOO_LONG = N_("Each source needs 300 characters or fewer.")
NO_ADDRESS = N_("Give each source as one web address that begins with https:// or http://, one on each line.")


def clean_title(text: str) -> str:
    """Return a title on one line: spaces collapsed, letters composed, without what shows nothing at the edge of a word."""
    return " ".join(filter(None, map(_clean_word, unicodedata.normalize("NFC", text).split())))


def clean_lines(text: str) -> str:
    """Return a text with its line breaks, each line cleaned as a title is, never more than one empty line in a row."""
    lines = "\n".join(clean_title(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def split_sources(text: str) -> list[str]:
    """Return the addresses typed one on each line, without repetitions."""
    return list(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))


def title_key(title: str) -> str:
    """Return what titles have in common that nobody can tell apart: case, accents, punctuation and look-alikes don't count."""
    folded = unicodedata.normalize("NFKC", title).translate(CAPITALS).casefold()
    is_cyrillic = any("\u0400" <= character <= "\u04ff" for character in folded)
    letters = "".join(_letter(character, is_cyrillic) for character in unicodedata.normalize("NFC", folded))
    # A title without any word keeps its signs: an empty key would be nobody's.
    return " ".join(letters.split()) or " ".join(folded.split())


def search_words(text: str) -> list[str]:
    """Return the words that somebody looks for, written as they are in a casefolded title."""
    return unicodedata.normalize("NFC", text).casefold().split()


def sort_key(title: str) -> str:
    """Return by what titles are sorted, in the order of the Ukrainian alphabet: Unicode puts ґ, є, і and ї after я."""
    return "".join(UKRAINIAN_ORDER.get(character, character) for character in title.casefold())


def title_faults(title: str) -> list[str]:
    """Return what is wrong with a cleaned title, in sentences for whoever typed it."""
    if not any(character.isalpha() for character in title):
        return [NO_WORD]
    if not MIN_TITLE <= len(title) <= MAX_TITLE:
        return [WRONG_LENGTH]
    return [*_text_faults(title), *([SHOUTED] if _is_shouted(title) else [])]


def why_faults(why: str) -> list[str]:
    """Return what is wrong with the cleaned text below a title."""
    return [WHY_TOO_LONG] if len(why) > MAX_WHY else _text_faults(why)


def name_faults(name: str) -> list[str]:
    """Return what is wrong with the name that somebody wants beside their topic."""
    return [NAME_TOO_LONG] if len(name) > MAX_NAME else _text_faults(name)


def source_faults(sources: Sequence[str]) -> list[str]:
    """Return what is wrong with a topic's sources."""
    checks = (
        (TOO_MANY_SOURCES, len(sources) > MAX_SOURCES),
        (SOURCE_TOO_LONG, any(len(source) > MAX_SOURCE for source in sources)),
        (NO_ADDRESS, not all(_is_address(source) for source in sources)),
    )
    return [sentence for sentence, is_wrong in checks if is_wrong]


def faults_of(title: str, why: str = "", sources: Sequence[str] = ()) -> list[str]:
    """Return all that is wrong with a topic."""
    return title_faults(title) + why_faults(why) + source_faults(sources)


def _clean_word(word: str) -> str:
    shown = word.replace(SOFT_HYPHEN, "")
    edge = "".join({character for character in shown if _is_unseen(character) and character not in OVERRIDES})
    return shown.strip(edge) if edge else shown


def _letter(character: str, is_cyrillic: bool) -> str:
    """Return what stands for one composed character in a key."""
    base, *marks = (mark for mark in unicodedata.normalize("NFD", character))
    if is_cyrillic and base == "и" and BREVE in marks:
        return "й"
    # A Latin i in a Cyrillic title may be meant to be taken for ї; in a Latin title its points are an accent.
    if is_cyrillic and base in "iі" and DIAERESIS in marks:
        return "ї"
    if base.isalnum() and unicodedata.category(base) != "Lm" and base not in UNSEEN:
        return base.translate(ALIKE)
    is_nothing = character in APOSTROPHES or unicodedata.category(base)[0] in "MCL" or base in UNSEEN
    return "" if is_nothing and not base.isspace() else " "


def _text_faults(text: str) -> list[str]:
    """Return what is wrong with a text whose length is right: what looks for links takes its time with a long one."""
    checks = ((TOO_MANY_MARKS, _has_too_many_marks(text)), (HIDDEN, _hides_something(text)), (NO_LINKS, bool(LINK.search(text))))
    return [sentence for sentence, is_wrong in checks if is_wrong]


def _has_too_many_marks(text: str) -> bool:
    marks = 0
    for character in unicodedata.normalize("NFD", text):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") and not _is_selector(character) else 0
        if marks > MOST_MARKS:
            return True
    return False


def _hides_something(text: str) -> bool:
    """Whether something unseen turns the text around or stands beside a letter; between emoji it joins them."""
    if OVERRIDES & set(text) or UNSEEN & set(text):
        return True
    beside = zip(f" {text}", text, f"{text[1:]} ", strict=False)
    return any(_is_unseen(middle) and (before.isalnum() or after.isalnum()) for before, middle, after in beside)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or character in UNSEEN


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f"


def _is_shouted(title: str) -> bool:
    capitals = sum(character.isupper() for character in title)
    return capitals >= FEWEST_SHOUTED and not any(character.islower() for character in title)


def _is_address(source: str) -> bool:
    """Whether this is one plain address of the open web, without a password and without what hides its host."""
    if any(not character.isprintable() or character in ' "<>\\^`{|}' or _is_unseen(character) for character in source):
        return False
    try:
        parts = urlsplit(source)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    is_named = "." in host and not host.startswith(".") and ".." not in host
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and is_named and port_is_fine
