"""The known word that a misspelt one was probably meant to be; for what is said of settings."""

from __future__ import annotations

from collections.abc import Sequence


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    from difflib import get_close_matches

    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in known}
    found = get_close_matches(word.casefold().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def with_guess(message: str, word: str, known: Sequence[str]) -> str:
    """A message about a word, and what it was probably meant to be, where that can be guessed."""
    guess = nearest(word, known)
    return f"{message} → {guess}" if guess else message
