"""Provenance: full, short, and unchanged after a round trip."""

import json

import pytest

from marview.errors import BadInput
from marview.volume.provenance import LONGEST_TEXT, Provenance


def record(**changes: object) -> Provenance:
    given: dict[str, object] = {
        "method_id": "nmar",
        "method_title": "Normalised MAR",
        "method_version": "1.2",
        "parameters": {"variant": "automatic", "clamp": 5.0},
        "weights_sha256": "ab" * 32,
        "mask_origin": "adaptive",
        "threshold_hu": 2345.6,
        "margin_mm": -0.5,
        "device": "cpu",
        "seconds": 12.34,
        "application_version": "0.1.0",
        "time": "2026-01-02T03:04:05+00:00",
        "notes": ("It was left as it was.",),
    }
    return Provenance(**{**given, **changes})


def test_the_text_says_what_was_done() -> None:
    text = record().text()
    for part in (
        "Normalised MAR 1.2",
        "variant = automatic",
        "abababababab",
        "above 2346 HU",
        "margin -0.5 mm",
        "12.3 s",
    ):
        assert part in text
    assert text.endswith("review with the uncorrected images.")


@pytest.mark.parametrize(
    "changes", [{"parameters": {f"p{i}": "x" * 50 for i in range(40)}}, {"mask_origin": "m" * 2000}]
)
def test_the_text_fits_dicom_and_keeps_its_warning(changes: dict[str, object]) -> None:
    text = record(**changes).text()
    assert len(text) <= LONGEST_TEXT
    assert "Not for primary diagnosis" in text
    assert text.startswith("Normalised MAR")


def test_json_gives_the_record_back() -> None:
    assert Provenance.from_json(record().to_json()) == record()
    later = json.dumps({**json.loads(record().to_json()), "something_new": 1})
    assert Provenance.from_json(later) == record()


@pytest.mark.parametrize("text", ["", "[1]", '{"method_id": "nmar"}', "[" * 100_000])
def test_an_invalid_record_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a record"):
        Provenance.from_json(text)


def test_a_record_is_made_of_what_the_worker_reports() -> None:
    report = {
        "method": "nmar",
        "title": "Normalised MAR",
        "version": "1.2",
        "parameters": {"clamp": 5.0},
        "weights": [{"file": "a", "sha256": "ab"}, {"file": "b", "sha256": "cd"}],
        "device": "cpu",
        "seconds": 2.0,
        "slices_restored": [3, 4],
        "notes": ["A note."],
    }
    made = Provenance.of_run(report, mask_origin="adaptive", margin_mm=0.5)
    assert (made.method_id, made.weights_sha256, made.notes) == ("nmar", "ab cd", ("A note.",))
    assert made.settings() == "clamp=5.0, clipped streaks restored in 2 slices"
    assert "clipped streaks restored in 2 slices" in made.text()
    assert Provenance.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ({}, ""),
        ({"restore_cut_off": True, "slices_restored": []}, ""),
        ({"restore_cut_off": True, "slices_restored": [3]}, "clipped streaks restored in 1 slice"),
        ({"restore_cut_off": False}, "restoration of clipped streaks switched off"),
    ],
)
def test_the_record_says_whether_cut_off_streaks_were_restored(report: dict, told: str) -> None:
    run = {"method": "nmar", "title": "Normalised MAR", "version": "1.2", **report}
    assert Provenance.of_run(run, mask_origin="adaptive", margin_mm=0.0).settings() == told
