"""No page of the documentation and no text in the code contains a phrase that CONTRIBUTING.md warns against."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PHRASES = {
    r"\b(?:found|told|taken|done|each|every \w+|alone) by (?:itself|themselves)\b": "automatically; slice by slice",
    r"\b(?:who|whoever) (?:closes|takes|wants|opens|has|writes|looks)\b": "name the actor: the user, a reader, you",
    r"\bis that of\b|\bare those of\b": "repeat the noun: 'Mask imported from metal.nii.gz.'",
    r"\bhas no number\b": "is NaN",
    r"\bclaims?\b(?! ?[(=,:])|\b(?:and|which) is not (?:read|opened)\b": "its header gives; marview does not read it",
    r"\b(?:ends|ended|does|did) by itself\b": "ended",
    r"\b(?:of|have|has) one (?:shape|size)\b": "the same shape, the same size",
    r"(?<!here )\bis no (?:failure|mask|folder|message|artifact|padding|number|gain|array|grey|loss)\b": "is not a",
    r"; returns at once|\bis written at once\b|\bother settings of the\b": "immediately; different settings",
    r"\b(?:of which|in which any|to which a|by which a)\b": "two sentences",
    r"\b[Ss]o (?:many|often|long) \w+ (?:a|may|must|as)\b": "a noun: 'number of', 'limit'",
    r"\bwould do better\b": "would give a better result",
    r"\b[Ii]nto the new folder\b": "Save to new folder",
    r"\bput the tool away,? else\b|\belse put\b": "or",
    r"\b(?:is|are|was|were) told\b": "marview says",
    r"\bafter so long\b|\bexclude each other\b": "plain words",
    r"raise (?:UsageError|BadInput|NoMetal|MethodFailed)\(\s*f?[\"'](?:there|this|the|an?) ": "begin with a capital",
    r"\bbegun with\b|\bbegin with nothing\b": "started from",
    r"\bgoes? on (?:where|as if|meanwhile)\b": "continues",
    r"\bhangs? on the (?:mask|metal)\b": "depends on the mask",
    r"\bin the ordinary way\b|\bfor the sake of\b|\bit stands on\b": "plain words",
    r"\b(?:lends?|lent) (?:it|for)\b|\bthis workplace\b|\bfresh clone\b": "leave out how the work was done",
    r"\.\./shared\b": "the repository stands alone",
    r"\b\d[\d,.]* (?:MB|s|ms|HU|steps) a (?:slice|stroke|shape|case|patient)\b": "per slice",
}
"""Phrases, and what to write instead."""

VERBS = re.compile(
    r"(?:Adds|Applies|Arranges|Asks|Chooses|Closes|Collects|Compares|Computes|Connects|Converts|Copies|Corrects|"
    r"Creates|Crops|Decodes|Divides|Draws|Emits|Enables|Ends|Estimates|Extracts|Fills|Finds|Fits|Follows|"
    r"Formats|Gives|Has|Holds|Improves|Is|Iterates|Keeps|Learns|Lists|Lowers|Makes|Moves|Offers|"
    r"Opens|Passes|Performs|Plays|Prints|Protects|Provides|Queues|Reads|Receives|Recognises|Records|"
    r"Redirects|Remembers|Removes|Replaces|Resamples|Restores|Saves|Sends|Sets|Shows|Splits|Stacks|Starts|"
    r"Stores|Subtracts|Takes|Tells|Trains|Translates|Turns|Updates|Waits|Warns|Watches|Wraps|Writes)\b(?! of\b)"
)
"""First words of a description in the third person. A class is a noun, "Panel that sets ..."; a module may also be an
imperative, "Write ..."."""

PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "docs/**/*.md",
    "marview/**/*.py",
    "plugins/**/*.py",
    "plugins/**/*.md",
    "tests/**/*.py",
    "tools/**/*.py",
    "resources/**/*.tmpl",
]
"""Texts that a person reads: pages, docstrings, comments and messages."""


def phrases(text: str) -> list[str]:
    """Return one sentence for each phrase found, with its line."""
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; better: {better}"
        for pattern, better in PHRASES.items()
        for match in re.finditer(pattern, text)
    ]


def files() -> list[Path]:
    return sorted({path for pattern in PAGES for path in ROOT.glob(pattern)} - {Path(__file__)})


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_page_has_plain_words(path: Path) -> None:
    assert phrases(path.read_text(encoding="utf-8")) == []


def test_every_pattern_finds_texts() -> None:
    assert [pattern for pattern in PAGES if not list(ROOT.glob(pattern))] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "found by itself",
        "The mask is that of metal.nii.gz.",
        "who closes the window",
        "What has no number is air.",
        "Arrays of one shape",
        "A series without metal is no failure",
        "Cancel a run; returns at once",
        "The file claims 3 frames",
        "It is larger than 2 GiB and is not read.",
    ],
)
def test_phrase_is_found(sentence: str) -> None:
    assert phrases(sentence)


def verb_first(source: str) -> list[str]:
    """Return the classes whose description begins with a verb in the third person, and "module" for the module."""
    tree = ast.parse(source)
    classes = [(node.name, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [name for name, node in [("module", tree), *classes] if VERBS.match(ast.get_docstring(node) or "")]


@pytest.mark.parametrize("room", ["marview", "plugins", "tests", "benchmarks", "tools"])
def test_descriptions_do_not_begin_in_the_third_person(room: str) -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / room).rglob("*.py")}
    assert sources
    found = {path.relative_to(ROOT).as_posix(): verb_first(source) for path, source in sources.items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_description_by_a_verb_is_found() -> None:
    assert verb_first('class Panel:\n    """Shows the mask."""') == ["Panel"]
    assert verb_first('class Panel:\n    """Panel that shows the mask."""') == []
    assert verb_first('"""Writes a mask."""') == ["module"]
    assert verb_first('"""Records of a run."""') == []
