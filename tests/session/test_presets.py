import pytest

from marview.session.presets import preset_of_key, presets, title_of
from marview.volume.window import HuWindow

VALUES = [
    (1, "Soft tissue", 400, 40),
    (2, "Lung", 1500, -600),
    (3, "Liver", 150, 90),
    (4, "Bone", 2500, 480),
    (5, "Brain", 80, 40),
    (6, "Mediastinum", 350, 50),
    (7, "Bone and implant", 4000, 1000),
    (8, "Full 12 bit", 4096, 1024),
    (9, "Metal", 32000, 12000),
    (None, "MAR papers, soft tissue", 450, 50),
    (None, "MAR papers, wide", 1040, 40),
    (None, "Difference ±200", 400, 0),
]


def test_the_file_holds_these_presets_and_no_other() -> None:
    assert [(p.key, p.title, p.window.width_hu, p.window.level_hu) for p in presets()] == VALUES


@pytest.mark.parametrize(("key", "title", "width", "level"), [row for row in VALUES if row[0] is not None])
def test_number_keys(key: int, title: str, width: float, level: float) -> None:
    preset = preset_of_key(key)
    assert preset is not None
    assert (preset.title, preset.window) == (title, HuWindow(width, level))


def test_key_0_is_not_a_preset_but_the_files_own() -> None:
    assert preset_of_key(0) is None


def test_a_window_is_named_where_a_preset_has_it() -> None:
    assert title_of(HuWindow(80, 40)) == "Brain"
    assert title_of(HuWindow(81, 40)) == ""
