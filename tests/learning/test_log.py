"""TensorBoard's log."""

import errno
import struct
from pathlib import Path

import numpy as np
import pytest

from marview.learning.log import Log

pytest.importorskip("tensorboardX")


def events(folder: Path) -> list:
    from tensorboardX.proto.event_pb2 import Event

    [file] = folder.glob("events.out.tfevents.*")
    content, found = file.read_bytes(), []
    while content:
        [length] = struct.unpack("<Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[12 + length + 4 :]
    return found


def test_log_records_are_on_disk(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.add_number("validation/image", 0.5, 3)
    log.add_picture("pictures", np.zeros((4, 6), np.uint8), 3)
    log.flush()
    version, number, picture = events(tmp_path / "log")
    log.close()
    assert version.file_version == "brain.Event:2"
    assert (number.step, number.summary.value[0].tag) == (3, "validation/image")
    assert number.summary.value[0].simple_value == 0.5
    assert (picture.summary.value[0].image.height, picture.summary.value[0].image.width) == (4, 6)


@pytest.mark.parametrize("what", ["write", "flush"])
def test_a_full_disk_ends_only_the_log(tmp_path: Path, monkeypatch, what: str) -> None:
    said: list[str] = []
    log = Log(tmp_path / "log", said.append)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"tensorboardX.record_writer.RecordWriter.{what}", full)
    for step in range(40):
        log.add_number("validation/image", 0.5, step)
        log.flush()
    log.close()
    [sentence] = said
    assert "log cannot be written: no space left on device. Training continues without the TensorBoard log" in sentence


def test_a_place_that_takes_no_log_gives_a_message(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("", encoding="utf-8")
    said: list[str] = []
    Log(tmp_path / "log", said.append).close()
    assert len(said) == 1
