"""A method that cannot be loaded is refused in a sentence that names the file, the line and the remedy."""

import os
import sys
from pathlib import Path

import pytest
import torch

from marview.commands.plugin import new_plugin
from marview.errors import MethodFailed
from marview.learning.api import Pairs
from marview.paths import bundled_plugins
from marview.testing import check_method, phantom_case
from marview.worker.loading import load_method, made_in
from marview.worker.method_errors import as_clause, as_sentence

GOOD = """
from pydantic import BaseModel, Field


class Parameters(BaseModel):
    strength_hu: float = Field(10.0, ge=0)


class Good:
    Parameters = Parameters

    def run(self, case, parameters, job):
        raise ValueError("the kernel must be odd, not 4.")
"""


def written(parent: Path, source: str = GOOD, entry: str = "method:Good") -> Path:
    """Make the folder of a method with this code and entry."""
    folder = parent / "mm"
    folder.mkdir()
    (folder / "plugin.toml").write_text(f'id = "mm"\ntitle = "M"\nversion = "1"\napi = 1\nentry = "{entry}"\n')
    (folder / "method.py").write_text(source)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(MethodFailed) as refused:
        load_method(folder)
    assert "marview_methods_" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            "method:Mm",
            "plugin.toml: entry names the class Mm, but method.py has no such class; it has Parameters, Good.",
        ),
        ("methods:Good", "plugin.toml: entry names methods.py, which is not in the folder."),
        ("code.method:Good", "plugin.toml: entry names code/method.py, which is not in the folder."),
        ("method:Field", "method.py has no such class; it has Parameters, Good."),
    ],
)
def test_a_wrong_entry_names_what_the_folder_holds(tmp_path: Path, entry: str, says: str) -> None:
    assert says in refusal(written(tmp_path, entry=entry))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (
            "\n",
            "import skimage_not_there\n",
            "method.py, line 1, imports skimage_not_there, which is not installed. In",
        ),
        ("\n", "from .nothing import N\n", "method.py, line 1, imports .nothing, which is not in the folder."),
        ("\n", "import beside\n", "method.py, line 1, imports beside. beside is a module of the method itself, so"),
        ("\n", "from .beside import N\n", "method.py, line 1: ImportError: cannot import name 'N' from 'mm.beside'"),
        ("\n", "1 / 0\n", "method.py, line 1: ZeroDivisionError: division by zero."),
        ("\n", "raise SystemExit(3)\n", "method.py, line 1: SystemExit: 3."),
        ("class Good:", "class Good", "cannot be loaded: method.py, line 9: expected ':'."),
        (
            "class Good:",
            "class Good:\n    def __init__(self): self.x = y",
            "line 10: NameError: name 'y' is not defined.",
        ),
        (
            "class Good:",
            "class Good:\n    def __init__(self, size): pass",
            "missing 1 required positional argument: 'size'. marview creates the class without arguments.",
        ),
        ("    Parameters = Parameters", "    pass", "The class Good has no pydantic model Parameters."),
        (
            "case, parameters, job)",
            "case)",
            "run of the class Good must take (self, case, parameters, job).",
        ),
        ("def run", "def runs", "The class Good has no run(self, case, parameters, job)."),
        (
            "Field(10.0, ge=0)",
            "Field(ge=0)",
            "The parameter strength_hu has no default. Give one: Field(default, ...).",
        ),
        (
            "Field(10.0, ge=0)",
            "Field(20.0, ge=0, le=10)",
            "A default does not fit its parameter: strength_hu must be 10 or less, not 20.0.",
        ),
    ],
)
def test_a_fault_names_its_place_and_the_remedy(tmp_path: Path, before: str, after: str, says: str) -> None:
    folder = written(tmp_path, GOOD.replace(before, after, 1))
    (folder / "beside.py").write_text("")
    said = refusal(folder)
    assert says in said
    assert ("has no pydantic" in said) + ("has no run" in said) < 2


def test_several_parameters_without_a_default_are_named_together(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD.replace("Field(10.0, ge=0)", "Field(ge=0)\n    reach_px: int"))
    assert "The parameters strength_hu, reach_px have no default. Give each of them one" in refusal(folder)


def test_the_form_shows_a_default_that_a_function_makes(tmp_path: Path) -> None:
    loaded = load_method(written(tmp_path, GOOD.replace("Field(10.0, ge=0)", "Field(default_factory=lambda: 7.5)")))
    assert loaded.schema()["properties"]["strength_hu"]["default"] == 7.5


def test_every_kind_of_new_method_loads(tmp_path: Path) -> None:
    for kind in ("image", "sinogram", "learned"):
        new_plugin(f"new_{kind}", output=tmp_path, **{kind: True})
        assert load_method(tmp_path / f"new_{kind}").schema()["properties"] is not None


def test_adding_to_the_input_gets_the_remedy(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD.replace('raise ValueError("the kernel must be odd, not 4.")', "case.hu += 1"))
    with pytest.raises(AttributeError) as raised:
        load_method(folder).method.run(phantom_case(), None, None)
    assert as_sentence(raised.value, folder).endswith("cannot assign to field 'hu'. Work on case.hu.clone().")


def test_a_sentence_that_asks_ends_with_its_question_mark(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD + "\nlist = [1 2]\n")
    assert refusal(folder).endswith("Perhaps you forgot a comma?")


def test_a_lost_weights_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    folder = written(tmp_path)
    facts = f'file = "w.safetensors"\nsha256 = "{"0" * 64}"\ntrained_on = "none"\nlicence = "MIT"\n'
    manifest = folder / "plugin.toml"
    manifest.write_text(f"{manifest.read_text()}[[weights]]\n{facts}")
    with pytest.raises(MethodFailed, match=r"Put the file there, or correct `file` in plugin\.toml"):
        load_method(folder).check_weights()


def test_a_weights_file_that_the_manifest_lacks_gets_the_remedy(tmp_path: Path) -> None:
    loaded = load_method(written(tmp_path))
    with pytest.raises(MethodFailed) as refused:
        loaded.weights("w.safetensors", "cpu")
    remedy = "names no weights. Describe the file in a [[weights]] table of plugin.toml."
    assert str(refused.value) == f"The method mm asks for the weights w.safetensors, but its plugin.toml {remedy}"


def test_a_wrong_default_of_a_type_without_a_form_field_names_the_types_that_have_one(tmp_path: Path) -> None:
    said = refusal(written(tmp_path, GOOD.replace("strength_hu: float", "strength_hu: dict[str, float]")))
    assert "strength_hu must be a table, not 10.0. The window has no field for the parameter strength_hu" in said
    assert "because its type is dict;" in said
    assert "The window shows int, float, bool, str, Literal" in said


@pytest.mark.parametrize("is_on_image", [True, False])
def test_a_new_learned_method_learns_and_shows_its_result(tmp_path: Path, is_on_image: bool) -> None:
    new_plugin("learner", image=is_on_image, learned=True, output=tmp_path)
    loaded = load_method(tmp_path / "learner")
    assert loaded.manifest.needs_sinogram != is_on_image
    assert (tmp_path / "learner" / "test_learner.py").is_file()
    training = made_in(tmp_path / "learner", "training:Training")
    case = phantom_case(slices=1, size=64)
    pairs = Pairs(case.mu, case.metal, case.sinogram, case.sinogram, case.trace, case.projector)
    settings = {"width": 4, "patch_px": 32}
    network = training.build(settings)
    (loss,) = training.losses(network, pairs, "all", settings).values()
    loss.backward()
    assert loss.isfinite()
    assert training.pictures(network, pairs, settings)["result"].shape == case.hu.shape[1:]


def test_weights_that_do_not_fit_are_named_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.nn.Linear(2, 3).load_state_dict(torch.nn.Linear(2, 4).state_dict())
    said = as_sentence(raised.value)
    assert said.startswith("RuntimeError: Error(s) in loading state_dict for Linear: size mismatch for weight: copying")
    assert said.endswith("the shape in current model is torch.Size([3]).")


def test_a_long_message_is_shortened_after_its_first_line() -> None:
    said = as_clause(ValueError("First\n" + "second line\n" * 1000))
    assert said.startswith("ValueError: First; second line; second line;")
    assert said.endswith("(shortened)")
    assert len(said) < 350


class Length:
    """Something whose length raises outside the folder of the method."""

    def __len__(self) -> int:
        raise ValueError("not here.")


def test_a_clause_names_the_last_place_in_the_folder_of_the_method(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD.replace('raise ValueError("the kernel must be odd, not 4.")', "len(case)"))
    with pytest.raises(ValueError, match="not here") as raised:
        load_method(folder).method.run(Length(), None, None)
    assert as_clause(raised.value, folder) == "method.py, line 13: ValueError: not here"
    assert as_clause(raised.value, tmp_path / "elsewhere") == "ValueError: not here"
    assert as_clause(raised.value) == "ValueError: not here"


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in bundled_plugins().glob("*/plugin.toml")), ids=lambda folder: folder.name
)
def test_each_parameter_of_a_bundled_method_has_a_default(folder: Path) -> None:
    assert all("default" in field for field in load_method(folder).schema().get("properties", {}).values())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
@pytest.mark.parametrize("name", ["method.py", "parts/more.py"])
def test_a_module_that_is_a_pipe_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert f"{name} is not a regular file" in refusal(folder)
    (sentence,) = check_method(folder)
    assert f"{name} is not a regular file" in sentence


def test_a_link_to_nothing_stops_no_method(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / ".#method.py").symlink_to("nobody@nowhere")
    assert load_method(folder).manifest.id == "mm"
    assert not any(".#method.py" in sentence for sentence in check_method(folder))
