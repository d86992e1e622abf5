"""Install trained weights: copy them to the folder of their method and list them in its manifest."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from marview.errors import BadInput, UsageError
from marview.export import whole_file, whole_folder
from marview.learning.api import OwnPairs, Trainable
from marview.learning.model_card import CARD, write_card
from marview.learning.record import read_record
from marview.learning.weights import difference, load_weights, rounded, write_tensors
from marview.mar import Listing
from marview.mar.copying import copy_method, is_copy
from marview.mar.discovery import BUNDLED
from marview.mar.manifest import MANIFEST, code_folder, read_manifest
from marview.worker.loading import made_in
from marview.worker.method_errors import as_clause

USUAL = "weights/bundled.safetensors"
"""Default name of an installed weights file; a manifest with another name keeps it."""


def install(run: Path, listing: Listing, parent: Path, licence: str = "not stated") -> Path:
    """Install the weights of a training run in its method; a failed installation changes nothing.

    Args:
        run: folder of a run of this method.
        listing: the method; its folder is copied to `parent` unless it is already there, or an identical copy
            without weights.
        parent: folder that contains the folders of methods, for instance the user's own.
        licence: licence of the weights.

    Returns:
        The folder of the method in `parent`.

    Raises:
        BadInput: the folder contains no run of this method.
        UsageError: the method uses no weights, the run was trained on a patient's own scan, the weights do
            not fit the network of the method, or another version of the method occupies the folder.
        MethodFailed: the training code of the method cannot be loaded.
        CannotWrite: the disk is full or read-only. The method stays unchanged.
    """
    record = read_record(run)
    source = run / "weights.safetensors"
    if record.get("method") != listing.id or not source.is_file():
        held = f"a run of {record['method']}" if record else "no run"
        raise BadInput(
            f"{run} contains {held}, so {listing.id} cannot use its weights. Choose a folder that marview train wrote."
        )
    _refuse_unread(listing, str(record["recipe"]["training"]))
    if any(each.get("is_patient", each.get("has_own_pairs", False)) for each in record["sessions"]):
        raise UsageError(
            f"{run} was trained on a patient's own scan, but installed weights must suit other scans. Nothing was "
            f"installed. Train on scans without metal (marview train {listing.id} --data DIR)."
        )
    _refuse_another_network(run, listing, str(record["recipe"]["training"]))
    facts = {"trained_on": str(record["sessions"][-1]["data"]), "licence": licence}
    folder = parent / listing.id
    if folder.resolve() == listing.folder.resolve() or _is_untrained_copy(folder, listing):
        _put_weights(folder, run, facts)
    else:
        if folder.exists():
            raise UsageError(
                f"{folder} already exists, and it differs from the method in {listing.folder}. Nothing was installed. "
                f"Remove it first (marview plugin remove {listing.id}), then install the run again."
            )
        with whole_folder(folder) as part:
            _copy(listing, part)
            _put_weights(part, run, facts)
    read_manifest(folder)
    return folder


def _is_untrained_copy(folder: Path, listing: Listing) -> bool:
    """Return whether a folder contains an identical copy of a method that has no weights yet."""
    if listing.origin == BUNDLED or not listing.untrained or not folder.is_dir():
        return False
    return is_copy(listing.folder, folder)


def _put_weights(folder: Path, run: Path, facts: Mapping[str, str]) -> None:
    """Write the weights of a run, their model card and their manifest entry into the folder of a method.

    All three are first written to temporary files and then replace the earlier ones together, because a method whose
    manifest does not match its weights cannot run.
    """
    manifest = read_manifest(folder)
    name = manifest.weights[0].file if manifest.weights else USUAL
    weights, of = load_weights(run / "weights.safetensors")
    kept = rounded(folder / name, weights)
    with (  # the files close in reverse order, so the manifest is replaced last
        whole_file(folder / MANIFEST) as entry,
        whole_file(folder / "weights" / CARD) as card,
        whole_file(folder / name) as part,
    ):
        write_tensors(part, kept, of.as_metadata())
        shutil.copyfile(write_card(run, code_folder(folder, manifest)), card)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        entry.write_text(_with_weights(text, {"file": name, "sha256": digest, **facts}), encoding="utf-8")


def _refuse_unread(listing: Listing, training: str) -> None:
    manifest = listing.manifest
    if manifest is None or manifest.needs_weights or manifest.weights:
        return
    trainable = made_in(code_folder(listing.folder, manifest), training, "recipe: training")
    if isinstance(trainable, OwnPairs):
        raise UsageError(
            f"{manifest.title} uses no weights: it trains on the scan in every run. Nothing was installed."
        )


def _refuse_another_network(run: Path, listing: Listing, training: str) -> None:
    """Refuse weights that do not fit the network, because its code may have changed since the training."""
    if listing.manifest is None or listing.manifest.python:  # this interpreter may lack packages of the method
        return
    code = code_folder(listing.folder, listing.manifest)
    weights, of = load_weights(run / "weights.safetensors")
    trainable: Trainable = made_in(code, training, "recipe: training")
    try:
        differs = difference(trainable.build(of.network), weights)
    except Exception as error:  # noqa: BLE001 - whatever the code of the method raises
        differs = as_clause(error, code)
    if differs:
        raise UsageError(
            f"The weights in {run} do not fit the network in {code}: {differs}. The code of the network has changed "
            f"since the training. Undo the change, or train again (marview train {listing.id} --data DIR --output "
            "RUN). Nothing was installed."
        )


def _copy(listing: Listing, folder: Path) -> None:
    """Copy a method to a folder. For a bundled method, copy only the manifest, which refers to the bundled code."""
    if listing.origin != BUNDLED:
        copy_method(listing.folder, folder)
        return
    text = (listing.folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(f'code = "{listing.folder.name}"\n{text}', encoding="utf-8")


def _with_weights(manifest: str, facts: Mapping[str, str]) -> str:
    """Return the text of a manifest with a new weights entry."""
    kept, is_weights = [], False
    for line in manifest.splitlines():
        if line.strip().startswith("["):
            is_weights = line.strip() == "[[weights]]"
        if not is_weights:
            kept.append(line)
    # a JSON string is also a valid TOML string
    block = ["[[weights]]", *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items())]
    return "\n".join([*kept, "", *block]).replace("\n\n\n", "\n\n") + "\n"
