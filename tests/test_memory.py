"""Memory of the machine and of its container."""

from pathlib import Path

import pytest

from marview import memory


def test_a_container_has_no_more_memory_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_LIMIT", limit)
    assert memory.usable_bytes() == memory.total_bytes() > 2**28
    limit.write_text("max\n")
    assert memory.usable_bytes() == memory.total_bytes()
    limit.write_text(f"{2**28}\n")
    assert memory.usable_bytes() == 2**28


@pytest.mark.parametrize(
    "words",
    ["MemoryError", "ImportError: libtorch_cpu.so: failed to map segment from shared object", "Cannot allocate memory"],
)
def test_last_words_tell_of_lacking_memory(words: str) -> None:
    assert memory.tell_of_lacking_memory(["Traceback (most recent call last):", words])
    assert not memory.tell_of_lacking_memory(["OSError: no space left on device"])
