"""Install trained weights: copy them beside the method's code and name them in its manifest."""

import hashlib
import json
import shutil
from pathlib import Path

from marview.errors import BadInput, UsageError
from marview.export import whole_file
from marview.learning.api import OwnPairs
from marview.learning.model_card import CARD, write_card
from marview.learning.record import read_record
from marview.learning.weights import load_weights, save_weights
from marview.mar import Listing
from marview.mar.manifest import MANIFEST, code_folder, read_manifest
from marview.worker.loading import made_in

USUAL = "weights/bundled.safetensors"
"""File name that methods ask for; a manifest that names another file keeps its name."""


def install(run: Path, listing: Listing, parent: Path, licence: str = "MIT") -> Path:
    """Install the weights of a run for its method.

    Args:
        run: folder of a run of this method.
        listing: the method; copied to `parent` unless it is already there.
        parent: folder of methods, for instance the user's own.
        licence: licence of the weights.

    Returns:
        The folder of the method in `parent`.

    Raises:
        BadInput: the folder holds no run of this method.
        UsageError: the method uses no weights, or the run learned from a patient's own scan.
        CannotWrite: the disk is full or read-only.
    """
    record = read_record(run)
    source = run / "weights.safetensors"
    if record.get("method") != listing.id or not source.is_file():
        held = f"a run of {record['method']}" if record else "no run"
        raise BadInput(
            f"{run} holds {held}, so {listing.id} cannot use its weights. Name a folder that marview train wrote."
        )
    _refuse_unread(listing, str(record["recipe"]["training"]))
    if any(each.get("is_patient", each.get("has_own_pairs", False)) for each in record["sessions"]):
        raise UsageError(
            f"{run} learned from a patient's own scan, but installed weights are for other scans. The trained network "
            f"stays where it is. Train on scans without metal (marview train {listing.id} --data DIR)."
        )
    weights, of = load_weights(source)
    folder = parent / listing.id
    if folder.resolve() != listing.folder.resolve():
        _copy(listing, folder)
    manifest = read_manifest(folder)
    name = manifest.weights[0].file if manifest.weights else USUAL
    save_weights(folder / name, weights, of)
    shutil.copyfile(write_card(run, code_folder(folder, manifest)), folder / "weights" / CARD)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    _name_weights(folder / MANIFEST, name, digest, str(record["sessions"][-1]["data"]), licence)
    read_manifest(folder)
    return folder


def _refuse_unread(listing: Listing, training: str) -> None:
    manifest = listing.manifest
    if manifest is None or manifest.needs_weights or manifest.weights:
        return
    if isinstance(made_in(code_folder(listing.folder, manifest), training), OwnPairs):
        raise UsageError(
            f"{manifest.title} uses no weights: it learns from the scan in every run. The "
            "trained network stays where it is."
        )


def _copy(listing: Listing, folder: Path) -> None:
    """Copy a method to a folder; of a bundled one only the manifest, because its code stays where it is."""
    if listing.origin != "bundled":
        ignored = shutil.ignore_patterns("test_*.py", "conftest.py", "__pycache__")
        shutil.copytree(listing.folder, folder, dirs_exist_ok=True, ignore=ignored)
        return
    text = (listing.folder / MANIFEST).read_text(encoding="utf-8")
    with whole_file(folder / MANIFEST) as part:
        part.write_text(f'code = "{listing.folder.name}"\n{text}', encoding="utf-8")


def _name_weights(path: Path, file: str, digest: str, trained_on: str, licence: str) -> None:
    """Replace the weights entry of a manifest by this file."""
    kept, is_weights = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("["):
            is_weights = line.strip() == "[[weights]]"
        if not is_weights:
            kept.append(line)
    facts = {"file": file, "sha256": digest, "trained_on": trained_on, "licence": licence}
    # a JSON string is also a valid TOML string
    block = ["[[weights]]", *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items())]
    with whole_file(path) as part:
        part.write_text("\n".join([*kept, "", *block]).replace("\n\n\n", "\n\n") + "\n", encoding="utf-8")
