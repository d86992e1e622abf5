"""The type of a library's exception goes to the log, and lack of memory is not mistaken for damage."""

import errno
import logging

import pytest

from marview.dicom import source
from marview.dicom.quiet import note_caught
from marview.dicom.source import Source
from marview.errors import BadInput


def test_the_text_of_an_exception_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        note_caught(ValueError("DOE^JANE"), "IM0001")
    assert "ValueError" in caplog.text
    assert "JANE" not in caplog.text


@pytest.mark.parametrize("short", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_a_lack_of_memory_is_not_called_damage(tmp_path, monkeypatch, short: Exception) -> None:
    (tmp_path / "slice").write_bytes(bytes(200))

    def fail(_path: object) -> None:
        raise short

    monkeypatch.setattr(source, "open_regular", fail)
    with pytest.raises(BadInput, match="slice cannot be read: there is not enough memory"):
        Source(tmp_path / "slice", 200).all()
