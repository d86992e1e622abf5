"""File names cannot control the terminal, and no character makes a verb fail."""

import io
import sys

import pytest

from marview.ending import ended, refuse
from marview.errors import BadInput, printable
from marview.terminal import PlainStream, plain_output, terminal

HOSTILE = "scan\x1b[2J\x1b]0;owned\x07\u202egnp.nii"


def test_escape_codes_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_output():
        sys.stdout.write(HOSTILE)
        sys.stderr.write(HOSTILE)
        terminal().print(HOSTILE, markup=False)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert text.replace("\n", "").isprintable(), repr(text)
        assert "\\x1b[2J" in text
    assert ended(lambda: refuse(HOSTILE, 3)) == 3
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_unencodable_characters_are_escaped() -> None:
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    PlainStream(raw).write("f\udcff \u00d7\n")
    raw.flush()
    assert raw.buffer.getvalue() == b"f\\udcff \\xd7\n"


def test_plain_text_is_unchanged() -> None:
    assert printable("Größe 3 × 4") == "Größe 3 × 4"
    assert printable("a\n\tb", kept="\n\t") == "a\n\tb"


def test_sentences_hold_no_control_characters_of_files() -> None:
    assert str(BadInput(HOSTILE)).isprintable()
