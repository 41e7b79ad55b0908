"""How alike two titles are, by the groups of three letters that they share. Pure: the same answer on every database."""

from membership.voting.titles import title_key


def trigrams(title: str) -> frozenset[str]:
    """Return every three neighbouring letters of each word of the normalised title, as if two spaces stood before and one after."""
    return trigrams_of_key(title_key(title))


def trigrams_of_key(key: str) -> frozenset[str]:
    """Return the trigrams of a title that is normalised already."""
    padded = [f"  {word} " for word in key.split()]
    return frozenset(word[at : at + 3] for word in padded for at in range(len(word) - 2))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return Dice's coefficient: from 0 (nothing in common) to 1 (the same)."""
    together = len(one) + len(other)
    return 2 * len(one & other) / together if together else 0.0
