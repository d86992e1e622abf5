import csv
import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marview.errors import BadInput, MethodFailed, UsageError
from marview.evaluation.benchmark import Corrected, Entry, run_benchmark
from marview.evaluation.case import ListedCase
from marview.evaluation.case_folder import list_case_files, write_known_case
from marview.evaluation.syndeeplesion import list_syndeeplesion, write_syndeeplesion
from marview.export import CannotWrite
from marview.methods.notes import SliceNote


class Laboratory:
    """Laboratory that runs fake methods and records the calls."""

    def __init__(self):
        self.ran = []

    def __call__(self, entry, known, tell):
        self.ran.append((entry.id, known.name))
        tell(0.5)
        if entry.id == "fails":
            raise MethodFailed("it has no heart for metal.")
        share = {"half": 0.5, "nmar": 0.75, "copies": 1.0}[entry.id]
        hu = (1 - share) * known.uncorrected_hu + share * known.truth_hu
        return Corrected(hu * np.nan if entry.parameters.get("broken") else hu, seconds=0.5)


@pytest.fixture
def laboratory():
    return Laboratory()


@pytest.fixture
def cases(make_case):
    return [
        ListedCase(name, lambda name=name, radii=radii: make_case(name, radii))
        for name, radii in (("a", (4, 2)), ("b", (4, 2)))
    ]


STRANGE = "The scan is strange."


def _much(index, share):
    return SliceNote(index, "metal hides {} of the sinogram", ", which is much", share, "{:.0%}")


HALF, NMAR = Entry("half", "Half way"), Entry("nmar", "Three quarters")


def _run(cases, output, laboratory, entries=(HALF, NMAR), **more):
    return run_benchmark("syndeeplesion-640", cases, entries, output, source="here", correct=laboratory, **more)


def test_results_json_has_the_promised_layout(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory)
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["protocol"] == "syndeeplesion-640"
    assert list(record["methods"]) == ["input", "half", "nmar", "fbp_ceiling", "loop_ceiling"]
    half = record["methods"]["half"]
    assert {"psnr_db", "ssim", "rmse_hu", "ring", "soft_tissue", "groups", "seconds_per_slice"} <= set(half)
    assert {"psnr_db", "ssim", "rmse_hu"} <= set(half["ring"]) & set(half["soft_tissue"])
    assert half["seconds_per_slice"] == 0.25
    assert half["slices"] == 4
    assert [(each["case"], each["slice"]) for each in record["cases"]] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    sizes = [each["metal_px"] for each in record["cases"]]
    assert [group["largest_metal_px"] for group in half["groups"]] == sorted(set(sizes), reverse=True)


def test_a_better_method_stands_above_and_the_input_below(cases, tmp_path, laboratory):
    results = _run(cases, tmp_path, laboratory)
    record = results.record()["methods"]
    assert record["input"]["psnr_db"] < record["half"]["psnr_db"] < record["nmar"]["psnr_db"]
    assert record["half"]["rmse_hu"] == pytest.approx(record["input"]["rmse_hu"] / 2, rel=0.3)
    assert record["nmar"]["share_of_ceiling"] == 0
    assert record["fbp_ceiling"]["share_of_ceiling"] == 1
    assert record["half"]["share_of_ceiling"] < 0
    assert record["loop_ceiling"]["psnr_db"] > record["fbp_ceiling"]["psnr_db"]


def test_table_and_csv_tell_the_same_story(cases, tmp_path, laboratory):
    results = _run(cases, tmp_path, laboratory)
    table = (tmp_path / "table.md").read_text()
    psnr = results.record()["methods"]["half"]["psnr_db"]
    assert f"{psnr:.2f} / " in next(line for line in table.splitlines() if line.startswith("| Half way"))
    assert "MARMamba" in table
    assert "family C" in table
    with (tmp_path / "table.csv").open() as file:
        lines = {line["method"]: line for line in csv.DictReader(file)}
    assert float(lines["half"]["mean_psnr_db"]) == pytest.approx(psnr, rel=1e-5)
    with (tmp_path / "slices.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4 * 5


def test_each_method_has_a_figure(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["half.png", "nmar.png"]


@pytest.mark.parametrize(("failing", "figures"), [(1, ["half.png", "nmar.png"]), (3, ["nmar.png"])])
def test_a_method_that_fails_on_a_figure_loses_only_its_strip(cases, tmp_path, laboratory, failing, figures):
    asked = []

    def correct(entry, known, tell):
        if entry.id == "half" and len(known.truth_hu) == 1:
            asked.append(known.name)
            if len(asked) <= failing:
                raise MethodFailed("it has no memory left.")
        return laboratory(entry, known, tell)

    results = _run(cases, tmp_path, correct)
    assert len(asked) == 3
    assert len(results.row("half").slices) == 4
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == figures


def test_metal_is_the_inputs_again_before_it_is_measured(cases, tmp_path, laboratory):
    record = _run(cases, tmp_path, laboratory, [Entry("copies", "Copies the truth")]).record()["methods"]
    assert record["copies"]["metal_dice"] == 1


def test_an_interrupted_run_continues(cases, tmp_path, laboratory):
    def interrupt(entry, known, tell):
        if (entry.id, known.name) == ("nmar", "b"):
            raise KeyboardInterrupt
        return laboratory(entry, known, tell)

    with pytest.raises(KeyboardInterrupt):
        run_benchmark("p", cases, [HALF, NMAR], tmp_path, source="here", correct=interrupt)
    before = len(laboratory.ran)
    results = run_benchmark("p", cases, [HALF, NMAR], tmp_path, source="here", correct=laboratory)
    assert laboratory.ran[before] == ("nmar", "b")
    measured_anew = laboratory.ran[before + 1 :]
    assert len(measured_anew) == 2 * 3, "only the figures' six slices are corrected once more"
    assert all(len(row.slices) == 4 for row in results.rows)


def test_other_parameters_or_another_version_are_measured_again(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory, [HALF])
    for changed in (Entry("half", "Half way", {"strength": 2}), Entry("half", "Half way", version="2")):
        before = len(laboratory.ran)
        _run(cases, tmp_path, laboratory, [changed])
        assert laboratory.ran[before : before + 2] == [("half", "a"), ("half", "b")]


def test_a_case_with_changed_files_is_measured_again(make_case, small, tmp_path, laboratory):
    def run(lean_px):
        for name in ("a", "b"):
            if lean_px[name]:
                write_known_case(make_case(name, lean_px=lean_px[name]), tmp_path / "ours")
        before = len(laboratory.ran)
        results = _run(list_case_files(tmp_path / "ours", small), tmp_path / "out", laboratory, [HALF])
        return laboratory.ran[before:-3], results.record()["methods"]

    ran, first = run({"a": 6, "b": 6})
    assert ran == [("half", "a"), ("half", "b")]
    assert run({"a": 0, "b": 0}) == ([], first)
    ran, other = run({"a": 0, "b": 5})
    assert ran == [("half", "b")]
    assert all(other[row]["psnr_db"] != first[row]["psnr_db"] for row in ("input", "half"))


def test_results_of_simulated_cases_from_earlier_versions_count(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory, [HALF])
    part = json.loads((tmp_path / "parts" / "a" / "half.json").read_text())
    assert part["parameters"] == {"version": ""}


def test_notes_of_a_method_appear_once_with_their_cases(cases, tmp_path, laboratory):
    noted = {"a": (STRANGE, _much(0, 0.2)), "b": (STRANGE, _much(0, 0.4), _much(1, 0.3))}
    noted["c"] = (STRANGE,)

    def correct(entry, known, tell):
        return replace(laboratory(entry, known, tell), notes=noted[known.name] if entry.id == "half" else ())

    third = ListedCase("c", lambda: replace(cases[0].read(), name="c"))
    results = _run([*cases, third], tmp_path, correct)
    much = "3 slices: metal hides 20% to 40% of the sinogram, which is much."
    record = json.loads((tmp_path / "results.json").read_text())["methods"]
    assert record["half"]["notes"] == [{"sentence": STRANGE, "cases": 3}, {"sentence": much, "cases": 2}]
    assert record["nmar"]["notes"] == []
    table = (tmp_path / "table.md").read_text()
    assert f"\n- Half way: {STRANGE}\n- Half way, on 2 of 3 cases: {much}\n" in table
    before = len(laboratory.ran)
    assert _run([*cases, third], tmp_path, laboratory).record() == results.record()
    assert len(laboratory.ran) == before, "nothing is corrected once more, not even for the figures"
    assert (tmp_path / "table.md").read_text() == table


def test_parts_of_versions_that_kept_no_notes_still_count(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory, [HALF])
    for path in (tmp_path / "parts").glob("*/*.json"):
        record = json.loads(path.read_text())
        del record["notes"]
        path.write_text(json.dumps(record))
    before = len(laboratory.ran)
    results = _run(cases, tmp_path, laboratory, [HALF])
    assert len(laboratory.ran) == before
    assert results.row("half").notes == ()
    assert "note about" not in (tmp_path / "table.md").read_text()


def test_missing_figures_and_those_of_new_results_are_drawn(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory)
    (tmp_path / "figures" / "half.png").unlink()
    before, told = len(laboratory.ran), []
    _run(cases, tmp_path, laboratory, on_progress=lambda _, text: told.append(text))
    assert {method for method, _ in laboratory.ran[before:]} == {"half"}
    assert told == ["drawing Half way", "done"]
    before = len(laboratory.ran)
    _run(cases, tmp_path, laboratory, [replace(HALF, version="2"), NMAR])
    assert [method for method, _ in laboratory.ran[before:]] == ["half"] * 5


def test_a_method_that_learned_from_other_slices_is_measured_again(cases, tmp_path, laboratory):
    entries = [replace(HALF, learns_from_scan=True), NMAR]
    for scan, anew in (("metal in [0]", 4), ("metal in [0]", 0), ("metal in [0, 1]", 2), ("", 2)):
        before = len(laboratory.ran)
        _run([replace(each, scan=scan) for each in cases], tmp_path, laboratory, entries)
        ran = [method for method, _ in laboratory.ran[before:]]
        assert len(ran) == anew + 3 * len(set(ran)), "each case once, and the three slices of its figure"


def test_rows_with_missing_slices_are_also_compared_on_common_slices(cases, tmp_path, laboratory):
    """Otherwise a method that fails on the hard cases would have the best average."""

    def correct(entry, known, tell):
        if entry.id == "half" and known.name == "b":
            raise MethodFailed("it has never seen b.")
        return laboratory(entry, known, tell)

    assert _run(cases, tmp_path / "whole", laboratory).in_common() is None
    results = _run(cases, tmp_path / "part", correct)
    common = results.in_common()
    assert [len(row.slices) for row in results.rows] == [4, 2, 4, 4, 4]
    assert [{each.case for each in row.slices} for row in common.rows] == [{"a"}] * 5
    table = (tmp_path / "part" / "table.md").read_text()
    assert "On the 2 slices that all rows cover:" in table
    assert "slices that all rows cover" not in (tmp_path / "whole" / "table.md").read_text()
    psnr = f"{common.record()['methods']['nmar']['psnr_db']:.2f} / "
    assert psnr in table.split("On the 2 slices")[1]


def test_on_a_full_disk_what_was_written_stays(cases, tmp_path, laboratory, monkeypatch):
    def contents():
        return {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fill_the_disk(path, text, **options):
        write(path, text[:20], **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    _run(cases, tmp_path, laboratory, [HALF])
    before, write = contents(), Path.write_text
    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(CannotWrite, match="the disk is full"):
        _run(cases, tmp_path, laboratory)
    assert contents() == before


def test_a_folder_of_another_benchmark_is_refused(cases, tmp_path, laboratory):
    _run(cases, tmp_path, laboratory, [HALF])
    with pytest.raises(UsageError, match="another"):
        run_benchmark("p", cases, [HALF], tmp_path, source="elsewhere", correct=laboratory)


def test_a_missing_shape_leaves_the_others_in_their_groups(make_case, small, tmp_path, laboratory):
    for name in ("a", "b"):
        write_syndeeplesion(make_case(name, radii_px=(3, 3, 3)), tmp_path / "public")
    (tmp_path / "public" / "b" / "0.h5").unlink()
    listed = list_syndeeplesion(tmp_path / "public", small)
    results = _run(listed, tmp_path / "out", laboratory, [HALF])
    assert results.groups() == [[("a", 2), ("b", 2)], [("a", 1), ("b", 1)], [("a", 0)]]
    assert (tmp_path / "out" / "figures" / "half.png").is_file()


def test_a_folder_without_a_single_number_is_free_for_another_benchmark(cases, tmp_path, laboratory):
    def of_another_protocol():
        raise BadInput("Case a was scanned with a different beam.")

    _run([ListedCase("a", of_another_protocol)], tmp_path, laboratory)
    results = run_benchmark("p", cases, [HALF], tmp_path, source="here", correct=laboratory)
    assert results.row("half") is not None


def test_an_unusable_case_gives_one_message(cases, tmp_path, laboratory):
    def broken():
        raise BadInput("Case broken: 3.h5 is missing.")

    results = _run([ListedCase("broken", broken), *cases], tmp_path, laboratory)
    assert results.failures == ("Case broken: 3.h5 is missing.",)
    assert all(len(row.slices) == 4 for row in results.rows)
    assert "3.h5 is missing" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [(Entry("fails", "Fails"), "no heart for metal"), (Entry("half", "NaN", {"broken": True}), "non-finite")],
)
def test_a_failing_method_gives_a_message_and_the_others_run(cases, tmp_path, laboratory, entry, sentence):
    results = _run(cases, tmp_path, laboratory, [entry, NMAR])
    [failure] = results.failures
    assert failure.startswith(f"{entry.id} on a, b: ")
    assert sentence in failure
    assert entry.id not in results.record()["methods"]
    assert results.record()["methods"]["nmar"]["slices"] == 4


def test_progress_never_falls_and_ends_at_1(cases, tmp_path, laboratory):
    told = []
    _run(cases, tmp_path, laboratory, on_progress=lambda fraction, text: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1


def test_without_a_usable_case_there_is_an_empty_table_and_a_reason(tmp_path, laboratory):
    def broken():
        raise BadInput("Case broken: nothing is right.")

    results = _run([ListedCase("broken", broken)], tmp_path, laboratory)
    assert results.record()["methods"] == {}
    assert "nothing is right" in (tmp_path / "table.md").read_text()
