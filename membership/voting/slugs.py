"""Addresses made of titles, Latin or Ukrainian."""

import re
import unicodedata

# Cabinet of Ministers of Ukraine, resolution 55 of 27 January 2010, without its rules for the beginning of a word.
UKRAINIAN = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z", "и": "y",
    "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s",
    "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ь": "", "ю": "iu", "я": "ia",
}  # fmt: skip
MAX_LENGTH = 60


def slugify(text: str) -> str:
    """Return lower-case ASCII words joined by hyphens, at most 60 characters; empty if nothing is left."""
    latin = "".join(UKRAINIAN.get(character, character) for character in text.lower())
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    return "-".join(words)[:MAX_LENGTH].strip("-")
