import json
import os
from pathlib import Path

import pytest

from marview.session.settings import RECENT_COUNT, Settings, body_part_of


def test_saved_settings_are_loaded(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "settings.json"
    settings = Settings(file=file, method="nmar", windows={"chest": (400.0, 40.0)})
    settings.opened(tmp_path / "study")
    loaded = Settings.load(file)
    assert loaded == settings
    assert not list(file.parent.glob("*.new"))


def test_recent_paths_are_unique_newest_first_and_few(tmp_path: Path) -> None:
    settings = Settings()
    for number in [*range(15), 12]:
        settings.opened(tmp_path / str(number))
    names = [Path(path).name for path in settings.recent]
    assert names[:3] == ["12", "14", "13"]
    assert len(names) == len(set(names)) == RECENT_COUNT


@pytest.mark.parametrize("text", ["", "{", "[]", '{"recent": 3}', '{"windows": {"chest": "wide"}}', "\x00\xff"])
def test_damaged_settings_start_afresh(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text, encoding="latin-1")
    assert Settings.load(file).windows == {}


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    Settings(file=tmp_path / "file" / "settings.json", method="x").save()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_known_words_of_body_parts_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"windows": {"chest": [1, 2], "MRS SMITH": [3, 4]}}))
    assert Settings.load(file).windows == {"chest": (1.0, 2.0)}
    assert body_part_of("MRS SMITH, LEFT") == ""


@pytest.mark.parametrize(
    ("text", "part"),
    [("TH CT CHEST WO C", "chest"), ("THORAX", "chest"), ("Schaedel / SKULL", "head"), ("JAW", "teeth")],
)
def test_words_for_body_parts(text: str, part: str) -> None:
    assert body_part_of(text) == part


@pytest.mark.parametrize("window", ["[NaN, 40]", "[400, NaN]", "[Infinity, 40]", "[400, 1e300]", "[-1, 40]"])
def test_a_window_that_shows_nothing_is_not_remembered(tmp_path: Path, window: str) -> None:
    (tmp_path / "settings.json").write_text(f'{{"windows": {{"pelvis": {window}, "head": [80, 40]}}}}')
    assert Settings.load(tmp_path / "settings.json").windows == {"head": (80, 40)}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "-3", "1e300", "1e999"])
def test_an_impossible_speed_is_not_remembered(tmp_path: Path, number: str) -> None:
    (tmp_path / "settings.json").write_text(f'{{"speeds": {{"nmar 1 cpu": [{number}, 2.5]}}, "method": "nmar"}}')
    settings = Settings.load(tmp_path / "settings.json")
    assert settings.speeds == {"nmar 1 cpu": [2.5]}
    assert settings.method == "nmar"


def test_settings_that_are_too_large_start_afresh(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    with file.open("wb") as stream:
        stream.truncate(3 << 30)
    assert Settings.load(file).method == ""


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_pipe_in_place_of_the_settings_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.json")
    assert Settings.load(tmp_path / "settings.json").method == ""
