"""Translate complete English sentences into the user's language.

Notes from methods and file checks are written into results in English, some by another process. When the
window shows a sentence, marview looks up the text with placeholders that produced it:
`translatable(f"{name} is damaged.")` adds "{} is damaged." to the catalogue.
"""

import re
from functools import lru_cache
from itertools import chain, zip_longest

from marview.text import Catalogue, spoken, tr

_PLACE = re.compile(r"\{[^{}]*\}")
_BOUNDARY = re.compile(r"(?<=[.:]) |(?=[,;] )")
_COUNT = re.compile(r"(\d+) (\w+)")
_FEWEST_LETTERS, _MANY_LETTERS = 5, 12
"""Smallest number of letters outside a text's placeholders: to be recognised at all, and for placeholders with commas.

A text with fewer letters would match any sentence, or the part after the comma.
"""


def told(sentence: str) -> str:
    """Return the translation of a complete sentence, or the sentence itself if it is not recognised.

    The value of a placeholder, such as a file name, is translated only if the catalogue contains it.
    """
    catalogue = spoken()
    if not sentence or not isinstance(catalogue, Catalogue):
        return tr(sentence)
    return _recognised(catalogue, sentence) or sentence


@lru_cache(maxsize=1000)
def _recognised(catalogue: Catalogue, sentence: str) -> str | None:
    """Return a sentence, or several parts of one, in the language of a catalogue; None if it is not recognised."""
    if catalogue.knows(sentence):
        return catalogue.gettext(sentence)
    for end in _BOUNDARY.finditer(sentence):
        first = _recognised(catalogue, sentence[: end.start()])
        rest = None if first is None else _recognised(catalogue, sentence[end.end() :])
        if rest is not None:
            return f"{first}{end.group()}{rest}"
    for pattern, text in _patterns(catalogue):
        if found := pattern.fullmatch(sentence):
            said = _PLACE.split(catalogue.gettext(text))
            values = (_recognised(catalogue, value) or value for value in found.groups())
            return "".join(chain.from_iterable(zip_longest(said, values, fillvalue="")))
    if counted := _COUNT.fullmatch(sentence):
        number, noun = counted.groups()
        for one in (noun, noun.removesuffix("s")):
            if catalogue.counts(one):
                return f"{number} {catalogue.ngettext(one, noun, int(number))}"
    if len(sentence) > 1 and sentence.endswith((".", ":")):
        first = _recognised(catalogue, sentence[:-1])
        return None if first is None else f"{first}{sentence[-1]}"
    return None


@lru_cache(maxsize=2)
def _patterns(catalogue: Catalogue) -> list[tuple[re.Pattern[str], str]]:
    """Return the pattern and the text of each text with placeholders, those with the most letters first."""
    found = []
    for text in catalogue.texts():
        parts = _PLACE.split(text)
        letters = sum(map(str.isalpha, "".join(parts)))
        if len(parts) > 1 and letters >= _FEWEST_LETTERS:
            value = "(.+?)" if letters >= _MANY_LETTERS else "([^,;:]+?)"
            found.append((letters, text, re.compile(value.join(map(re.escape, parts)), re.DOTALL)))
    return [(pattern, text) for _, text, pattern in sorted(found, key=lambda one: -one[0])]
