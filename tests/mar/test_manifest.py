from pathlib import Path

import pytest

from marview.errors import BadInput
from marview.mar.manifest import API_VERSION, MANIFEST, read_manifest
from marview.paths import bundled_plugins

GOOD = """
id = "good"
title = "Good"
version = "1"
api = 1
entry = "method:Good"
"""
WEIGHTS = '[[weights]]\nfile = "{file}"\nsha256 = "{sha256}"\ntrained_on = "x"\nlicence = "MIT"\n'


def _read(folder: Path, text: str):
    (folder / "plugin.toml").write_text(text, encoding="utf-8")
    return read_manifest(folder)


def test_every_bundled_manifest_is_right() -> None:
    folders = [folder for folder in sorted(bundled_plugins().iterdir()) if (folder / "plugin.toml").is_file()]
    manifests = [read_manifest(folder) for folder in folders]
    assert {"linear_interpolation", "nmar", "nmar_frequency_split"} <= {each.id for each in manifests}
    for folder, manifest in zip(folders, manifests, strict=True):
        assert manifest.id == folder.name
        # our sources do not name the authors of near_hip; the other two are marview's own
        own = {"consistent_completion", "clinical_completion"}
        assert manifest.citation is not None or manifest.id in {"near_hip", *own}
        assert (folder / "README.md").is_file()


def test_missing_settings_have_defaults(tmp_path: Path) -> None:
    manifest = _read(tmp_path, GOOD)
    assert (manifest.device, manifest.needs_sinogram, manifest.outputs) == ("any", True, ("result",))


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    assert _read(tmp_path, "\ufeff" + GOOD) == _read(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id = ", "not a TOML file"),
        ("id = " + "[" * 100_000, "not a TOML file"),
        (GOOD.replace('title = "Good"\n', ""), "title is missing"),
        (GOOD + "colour = 1\n", "There is no field colour."),
        (GOOD + 'purpos = "x"\n', "There is no field purpos. Did you mean purpose?"),
        (GOOD + '[citation]\nauthor = "x"\ntitle = "y"\nyear = 2020\n', "Did you mean authors?"),
        (
            GOOD + WEIGHTS.format(file="net.safetensors", sha256="0" * 64) + 'license = "MIT"\n',
            "There is no field license in [[weights]] table 1. Did you mean licence?",
        ),
        (
            GOOD + WEIGHTS.format(file="net.safetensors", sha256="0" * 64) + 'python = "py"\n',
            "python belongs above [[weights]], because every line below a heading belongs to its table.",
        ),
        (GOOD.replace('version = "1"', "version = 1.0"), "version must be text in quotation marks, not 1.0."),
        (GOOD + 'memory_mb = "64"\n', "memory_mb must be a whole number, not '64'."),
        (GOOD + "memory_mb = 64.5\n", "memory_mb must be a whole number, not 64.5."),
        (GOOD + 'needs_sinogram = "no"\n', "needs_sinogram must be true or false, not 'no'."),
        (GOOD + 'outputs = "result"\n', "outputs must be a list, not 'result'."),
        (GOOD.replace('"good"', '"Good One"'), "id: 'Good One' is not an identifier"),
        (GOOD.replace("method:Good", "method"), "entry: 'method' does not name a class"),
        (GOOD.replace("api = 1", f"api = {API_VERSION + 1}"), "update marview"),
        (GOOD.replace("api = 1", "api = 0"), "api must be 1 or more, not 0"),
        (GOOD + 'device = "tpu"\n', "device must be 'cpu', 'cuda' or 'any', not 'tpu'"),
        (GOOD + 'outputs = ["picture"]\n', "outputs: 'picture' is not an output; choose from sinogram, trace,"),
        (GOOD + '[weights]\nfile = "net.safetensors"\n', "the heading [[weights]]"),
        (GOOD + WEIGHTS.format(file="net.pt", sha256="0" * 64), "pickled"),
        (GOOD + WEIGHTS.format(file="../net.safetensors", sha256="0" * 64), "own folder"),
        (GOOD + WEIGHTS.format(file="net.safetensors", sha256="12"), "sha256"),
    ],
)
def test_a_wrong_manifest_names_the_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput) as refusal:
        _read(tmp_path, text)
    assert says in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_a_manifest_with_several_faults_names_all(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        _read(tmp_path, GOOD.replace("entry =", "entri =") + 'porpose = "x"\nmemory_mb = 64.5\n')
    assert str(refusal.value).removeprefix(f"{tmp_path / MANIFEST}: ") == (
        "There is no field entri. Did you mean entry? There is no field porpose. Did you mean purpose? "
        "memory_mb must be a whole number, not 64.5."
    )


def test_no_manifest_gives_a_message(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"contains no {MANIFEST}"):
        read_manifest(tmp_path)
