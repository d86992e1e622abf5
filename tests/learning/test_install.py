"""Installing trained weights with their model card."""

import errno
import json
from pathlib import Path

import pytest

from marview.commands.plugin import new_plugin
from marview.errors import BadInput, UsageError
from marview.export import CannotWrite
from marview.learning.bank import read_banks
from marview.learning.install import install
from marview.learning.loop import Training
from marview.learning.model_card import CARD, card, failures_in
from marview.learning.record import Session, add_session, collections_of, read_record
from marview.mar import Listing
from marview.mar.copying import copy_method
from marview.mar.manifest import read_manifest
from marview.paths import bundled_plugins
from marview.worker.loading import LoadedMethod

METHOD = """
from pydantic import BaseModel

class Small:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        raise NotImplementedError
"""
TRAINING = """
from torch import nn

class SmallNetwork:
    def build(self, settings):
        width = settings["width"]
        first = nn.Sequential(nn.Conv2d(2, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU())
        return nn.ModuleDict({"first": first, "last": nn.Conv2d(width, 1, 3, padding=1)})
"""
MANIFEST = """
id = "small"
title = "A small network"
version = "1.0.0"
api = 1
entry = "method:Small"

[[weights]]
file = "weights/own.safetensors"
sha256 = "{digest}"
trained_on = "nothing"
licence = "MIT"

[citation]
authors = "A. Nobody"
title = "Small"
year = 2026
"""


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    folder = tmp_path / "installed" / "small"
    folder.mkdir(parents=True)
    (folder / "method.py").write_text(METHOD, encoding="utf-8")
    (folder / "training.py").write_text(TRAINING, encoding="utf-8")
    (folder / "test_small.py").write_text("", encoding="utf-8")
    (folder / "plugin.toml").write_text(MANIFEST.format(digest="0" * 64), encoding="utf-8")
    return Listing("small", folder, "package small", read_manifest(folder))


@pytest.fixture
def run(begin, small, tmp_path: Path, listing: Listing) -> Path:
    training: Training = begin()
    training.run()
    session = Session(0, 8, 0.5, "CPU, 2 threads", "8 clean slices of mine", ("A collection (CC BY 4.0): 8 slices",))
    add_session(tmp_path / "run", listing, "tiny", small.recipe(), 123, session)
    return tmp_path / "run"


def test_the_method_is_copied_with_the_run_s_weights(run: Path, listing: Listing, tmp_path: Path) -> None:
    folder = install(run, listing, tmp_path / "mine")
    loaded = LoadedMethod(folder)
    [named] = loaded.manifest.weights
    assert named.file == "weights/own.safetensors"
    assert named.trained_on == "8 clean slices of mine"
    assert "last.weight" in loaded.weights(named.file, "cpu")
    assert json.loads(loaded.about_weights(named.file)["network"]) == {"width": 3}
    assert loaded.manifest.citation == listing.manifest.citation
    assert (folder / "weights" / CARD).is_file()
    assert (folder / "test_small.py").is_file()
    assert listing.manifest.weights[0].sha256 == "0" * 64


def test_of_a_bundled_method_only_the_manifest_is_copied(
    run: Path, listing: Listing, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("marview.mar.manifest.bundled_plugins", lambda: listing.folder.parent)
    bundled = Listing("small", listing.folder, "bundled", listing.manifest)
    folder = install(run, bundled, tmp_path / "mine")
    assert sorted(each.name for each in folder.iterdir()) == ["plugin.toml", "weights"]
    loaded = LoadedMethod(folder)
    assert loaded.manifest.code == "small"
    assert type(loaded.method).__name__ == "Small"
    loaded.check_weights()
    again = Listing("small", folder, "installed", loaded.manifest)
    assert install(run, again, tmp_path / "mine") == folder
    LoadedMethod(folder).check_weights()


def test_a_method_that_lies_there_already_gets_them_in_place(run: Path, listing: Listing) -> None:
    folder = install(run, listing, listing.folder.parent)
    assert folder == listing.folder
    LoadedMethod(folder).check_weights()
    assert (folder / "test_small.py").exists()


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("step", ["write_tensors", "write_card", "_with_weights"])
@pytest.mark.parametrize("is_there_already", [False, True])
def test_on_a_full_disk_the_method_stays_as_it_was(
    run: Path, listing: Listing, tmp_path: Path, monkeypatch, step: str, is_there_already: bool
) -> None:
    parent = listing.folder.parent if is_there_already else tmp_path / "mine"
    if is_there_already:
        install(run, listing, parent)

    def fill_the_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(tmp_path / "installed")
    monkeypatch.setattr(f"marview.learning.install.{step}", fill_the_disk)
    with pytest.raises(CannotWrite, match="the disk is full"):
        install(run, listing, parent)
    assert contents(tmp_path / "installed") == before
    assert not (tmp_path / "mine").exists() or list((tmp_path / "mine").iterdir()) == []
    if is_there_already:
        LoadedMethod(parent / "small").check_weights()


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        (
            '"last": nn.Conv2d(width, 1, 3',
            '"last": nn.Conv2d(width, 1, 5',
            "last.weight is (1, 3, 3, 3), but the network",
        ),
        ('"last"', '"end"', "end.bias is missing"),
        ('settings["width"]', 'settings["depth"]', "training.py, line 6: KeyError: 'depth'"),
    ],
)
@pytest.mark.parametrize("is_there_already", [False, True])
def test_weights_that_do_not_fit_the_changed_code_are_refused(
    run: Path, listing: Listing, tmp_path: Path, before: str, after: str, differs: str, is_there_already: bool
) -> None:
    parent = listing.folder.parent if is_there_already else tmp_path / "mine"
    (listing.folder / "training.py").write_text(TRAINING.replace(before, after), encoding="utf-8")
    held = contents(tmp_path / "installed")
    with pytest.raises(UsageError) as refusal:
        install(run, listing, parent)
    assert f"do not fit the network in {listing.folder}: {differs}" in str(refusal.value)
    assert "has changed since the training. Undo the change, or train again" in str(refusal.value)
    assert {name: text for name, text in contents(tmp_path / "installed").items() if ".pyc" not in name} == held
    assert not (tmp_path / "mine").exists()


def test_another_method_of_that_name_is_not_mixed_with_it(run: Path, listing: Listing, tmp_path: Path) -> None:
    (tmp_path / "mine" / "small").mkdir(parents=True)
    (tmp_path / "mine" / "small" / "plugin.toml").write_text("damaged", encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"already exists, and it differs.*Remove it first \(marview plugin remove small"
    ):
        install(run, listing, tmp_path / "mine")
    assert contents(tmp_path / "mine") == {"small/plugin.toml": b"damaged"}


def test_an_identical_copy_without_weights_receives_them(run: Path, listing: Listing, tmp_path: Path) -> None:
    text = MANIFEST.split("[[weights]]", maxsplit=1)[0].replace("api = 1", "api = 1\nneeds_weights = true")
    (listing.folder / "plugin.toml").write_text(text, encoding="utf-8")
    untrained = Listing("small", listing.folder, "MARVIEW_PLUGINS", read_manifest(listing.folder))
    copy = tmp_path / "mine" / "small"
    copy.parent.mkdir()
    copy_method(listing.folder, copy)
    (copy / "method.py").write_text(f"{METHOD}\n# changed", encoding="utf-8")
    with pytest.raises(UsageError, match=r"already exists, and it differs"):
        install(run, untrained, tmp_path / "mine")
    copy_method(listing.folder, copy)
    assert install(run, untrained, tmp_path / "mine") == copy
    LoadedMethod(copy).check_weights()
    assert LoadedMethod(copy).manifest.weights


def test_a_method_without_weights_gets_its_first(run: Path, listing: Listing, tmp_path: Path) -> None:
    text = MANIFEST.split("[[weights]]", maxsplit=1)[0]
    (listing.folder / "plugin.toml").write_text(text, encoding="utf-8")
    [named] = LoadedMethod(install(run, listing, tmp_path / "mine")).manifest.weights
    assert named.file == "weights/bundled.safetensors"


def test_a_run_of_another_method_is_refused(run: Path, listing: Listing, tmp_path: Path) -> None:
    other = Listing("other", listing.folder, "bundled", listing.manifest)
    with pytest.raises(BadInput, match="contains a run of small, so other cannot use its weights"):
        install(run, other, tmp_path / "mine")
    with pytest.raises(BadInput, match="contains no run"):
        install(tmp_path, listing, tmp_path / "mine")


@pytest.mark.parametrize("facts", [{"is_patient": True}, {"has_own_pairs": True}])
def test_weights_of_one_patients_scan_are_not_installed(run: Path, listing: Listing, tmp_path: Path, facts) -> None:
    """Records of the near-hip network before 1.5.0 state only that it made its own pairs, so they are one patient."""
    record = read_record(run)
    session = {name: value for name, value in record["sessions"][0].items() if name != "is_patient"}
    (run / "run.json").write_text(json.dumps(record | {"sessions": [session | facts]}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"a patient's own scan.*marview train small --data"):
        install(run, listing, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_the_card_says_what_was_done(run: Path, listing: Listing, small) -> None:
    again = Session(8, 20, 1.5, "One GPU", "8 clean slices of mine", changes=("run.steps is 20 (was 8)",))
    add_session(run, listing, "tiny", small.recipe(), 123, again)
    text = card(read_record(run), [{"step": "0", "minutes": "0", "validation image": "0.5", "rmse_hu": "40"}])
    for said in (
        "123",
        "8 to 20",
        "One GPU",
        "The recipe changed at step 8: run.steps is 20 (was 8).",
        "A collection (CC BY 4.0): 8 slices",
        "not for primary diagnosis",
        "width = 3",
        "40",
    ):
        assert said in text
    assert "| seed | 0 |" in text
    assert "| step | minutes | validation loss (image) | RMSE outside metal, HU |" in text


def test_known_failures_come_from_the_method_s_readme(run: Path, listing: Listing, tmp_path: Path) -> None:
    readme = "# Small\n\n**When it fails.** Always,\nand badly.\n\n| measured | here |\n"
    (listing.folder / "README.md").write_text(readme, encoding="utf-8")
    folder = install(run, listing, tmp_path / "mine")
    text = (folder / "weights" / CARD).read_text(encoding="utf-8")
    assert text.rstrip().endswith("not with the weights of this run.\n\nAlways,\nand badly.")
    assert "## Known failures of the method\n\nFrom the method's README. Its figures were" in text


def test_every_method_that_can_be_trained_says_when_it_fails() -> None:
    learned = [folder for folder in bundled_plugins().iterdir() if (folder / "recipes").is_dir()]
    assert learned
    assert [folder.name for folder in learned if not failures_in(folder / "README.md")] == []


def test_the_paragraph_of_a_template_is_no_failure(tmp_path: Path) -> None:
    new_plugin("untold", learned=True, output=tmp_path)
    assert failures_in(tmp_path / "untold" / "README.md") == ""


def test_a_record_that_is_broken_gives_a_message(run: Path) -> None:
    (run / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read as the record of a run"):
        read_record(run)


def test_collections_are_of_the_pages_that_were_learned_from(tmp_path: Path) -> None:
    """Other stacks, pages with metal and held-out pages of the index do not count."""
    lines = ["file,page,collection,licence", "one.tif,0,One,CC BY 3.0", "one.tif,1,One,CC BY 3.0", "one.tif,2,Two,X"]
    (tmp_path / "index.csv").write_text("\n".join([*lines, "one.tif,3,Three,", "other.tif,0,Four,X"]), encoding="utf-8")
    learned = {"one_000", "one_001", "one_003"}
    assert collections_of(tmp_path, learned) == ("One (CC BY 3.0): 2 slices", "Three (licence not stated): 1 slice")
    assert collections_of(tmp_path / "one.tif", learned) == collections_of(tmp_path, learned)


def test_an_impossible_page_of_the_index_is_of_no_collection(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(f"file,page,collection\none.tif,{'9' * 5000},One\n", encoding="utf-8")
    assert collections_of(tmp_path, ["one_000"]) == ()


def test_collections_are_of_the_stacks_where_the_index_says_no_pages(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,collection,licence\none.tif,One,X\nother.tif,Two,X\n", encoding="utf-8")
    assert collections_of(tmp_path, ["one_000"]) == ("One (X): 1 slice",)


@pytest.mark.data
def test_of_some_of_the_shared_slices_the_card_lists_no_others(shared_data: Path, tmp_path: Path) -> None:
    for name in ("train_2.tif", "index.csv"):
        (tmp_path / name).symlink_to(shared_data / "metal_free" / name)
    names = read_banks(tmp_path).training.names
    lines = collections_of(tmp_path, set(names))
    assert sum(int(line.rpartition(": ")[2].split()[0]) for line in lines) == len(names)
