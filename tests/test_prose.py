"""No page of the documentation, and no clean room of the code, holds a phrase that CONTRIBUTING.md warns against."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PHRASES = {
    r"\b(?:found|told|taken|done|each|every \w+|alone) by (?:itself|themselves)\b": "automatically; slice by slice",
    r"\b(?:who|whoever) (?:closes|takes|wants|opens|has|writes|looks)\b": "name the actor: the user, a reader, you",
    r"\bis that of\b|\bare those of\b": "repeat the noun: 'Mask imported from metal.nii.gz.'",
    r"\bhas no number\b": "is NaN",
    r"\b(?:of which|in which any|to which a|by which a)\b": "two sentences",
    r"\b[Ss]o (?:many|often|long) \w+ (?:a|may|must|as)\b": "a noun: 'number of', 'limit'",
    r"\bwould do better\b": "would give a better result",
    r"\b[Ii]nto the new folder\b": "Save to new folder",
    r"\bput the tool away,? else\b|\belse put\b": "or",
    r"\b(?:is|are|was|were) told\b": "marview says",
    r"\bbegun with\b|\bbegin with nothing\b": "started from",
    r"\bgoes? on (?:where|as if|meanwhile)\b": "continues",
    r"\bhangs? on the (?:mask|metal)\b": "depends on the mask",
    r"\bin the ordinary way\b|\bfor the sake of\b|\bit stands on\b": "plain words",
    r"\b(?:lends?|lent) (?:it|for)\b|\bthis workplace\b|\bfresh clone\b": "leave out how the work was done",
    r"\.\./shared\b": "the repository stands alone",
    r"\b\d[\d,.]* (?:MB|s|ms|HU|steps) a (?:slice|stroke|shape|case|patient)\b": "per slice",
}
"""Phrases, and what to write instead."""

PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/**/*.md"]

LATER = {"docs/decisions/", "docs/methods/"}
"""Pages and folders of `docs` that still have to be rewritten. Take one away, never add one."""

ROOMS = [
    "marview/[ceoptv]*.py",
    "marview/batch/*.py",
    "marview/commands/*.py",
    "marview/evaluation/*.py",
    "marview/export/**/*.py",
    "marview/geometry/**/*.py",
    "marview/learning/**/*.py",
    "marview/mar/*.py",
    "marview/methods/*.py",
    "marview/metrics/**/*.py",
    "marview/slices/**/*.py",
    "marview/volume/brush.py",
    "marview/volume/kmeans.py",
    "marview/volume/patch.py",
    "marview/volume/undo.py",
    "marview/volume/window.py",
    "marview/worker/*.py",
]
"""Parts of the code whose prose is clean. Add a room once its docstrings, comments and messages are rewritten."""


def phrases(text: str) -> list[str]:
    """Return one sentence for each phrase found, with its line."""
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; better: {better}"
        for pattern, better in PHRASES.items()
        for match in re.finditer(pattern, text)
    ]


def files() -> list[Path]:
    pages = [path for pattern in PAGES for path in ROOT.glob(pattern)]
    open_pages = [
        path for path in pages if not any(path.relative_to(ROOT).as_posix().startswith(each) for each in LATER)
    ]
    code = [path for room in ROOMS for path in ROOT.glob(room)]
    return sorted({*open_pages, *code})


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_page_has_plain_words(path: Path) -> None:
    assert phrases(path.read_text(encoding="utf-8")) == []


def test_every_room_of_the_list_exists() -> None:
    assert [room for room in ROOMS if not list(ROOT.glob(room))] == []
    assert [each for each in LATER if not list(ROOT.glob(f"{each}*"))] == []


@pytest.mark.parametrize(
    "sentence",
    ["found by itself", "The mask is that of metal.nii.gz.", "who closes the window", "What has no number is air."],
)
def test_phrase_is_found(sentence: str) -> None:
    assert phrases(sentence)
