"""Translate texts into the user's language, and format numbers and lists for sentences.

The window sets a catalogue with `speak`. Without a catalogue, texts stay in English.
"""

import gettext
from collections.abc import Iterable


class Catalogue(gettext.GNUTranslations):
    """A gettext catalogue that can list the texts it translates."""

    def texts(self) -> list[str]:
        """Return the translated texts that have no plural form."""
        # gettext has no public list of them, and has kept them under this name since 1997
        return [text for text in vars(self)["_catalog"] if isinstance(text, str) and text]

    def knows(self, text: str) -> bool:
        """Return whether the catalogue contains a text."""
        return text != "" and text in vars(self)["_catalog"]

    def counts(self, noun: str) -> bool:
        """Return whether the catalogue contains the singular and plural of a noun."""
        return (noun, 0) in vars(self)["_catalog"]


_catalogue = gettext.NullTranslations()


def speak(catalogue: gettext.NullTranslations) -> None:
    """Set the translation catalogue; `NullTranslations` leaves texts in English."""
    global _catalogue  # noqa: PLW0603 - one language for the whole process
    _catalogue = catalogue


def spoken() -> gettext.NullTranslations:
    """Return the catalogue in use."""
    return _catalogue


def tr(text: str) -> str:
    """Return a text in the user's language; fill in placeholders afterwards: `tr("{} was written.").format(name)`."""
    return _catalogue.gettext(text) if text else ""


def plural(number: int, one: str, many: str) -> str:
    """Return the singular or plural text in the user's language; fill in placeholders afterwards."""
    return _catalogue.ngettext(one, many, number)


def translatable(text: str) -> str:
    """Mark a text for translation by `tr` or, once its placeholders are filled in, by `told`."""
    return text


def count(number: int, one: str, many: str = "") -> str:
    """Format a number with its noun, such as `1 slice` or `2 slices`; `many` is an irregular plural."""
    return f"{number} {plural(number, one, many or one + 's')}"


def meant(word: str, known: Iterable[str]) -> str:
    """Return a question that suggests a known word in place of a misspelt one.

    The question begins with a space. It is empty if no known word is similar.

    Examples:
        >>> meant("nmarr", ["nmar", "adn"])
        " Did you mean 'nmar'?"
    """
    from difflib import get_close_matches

    similar = get_close_matches(word.lower(), list(known), 1, 0.7)
    return f" Did you mean {similar[0]!r}?" if similar else ""


def listing(names: Iterable[str], most: int = 3) -> str:
    """Join names for a sentence; after `most` names, only the number of the others follows."""
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else tr("{} and {} more").format(shown, len(names) - most)
