"""Release metadata: one version everywhere, and absolute links."""

import importlib.util
import re
import tomllib
from pathlib import Path

import marview

ROOT = Path(__file__).parents[1]


def _hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    recipe = re.search(r'^  version: "(\S+)"$', (ROOT / "installer/conda/recipe.yaml").read_text(), re.MULTILINE)
    assert {project["version"], citation[1], recipe[1]} == {marview.__version__}
    assert f"## [{marview.__version__}] - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_links_of_the_readme_become_absolute_and_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert (ROOT / target).exists(), target
    shown = _hook().absolute(text, "https://example.org/marview/", "v1.2.3")
    assert not re.findall(r"\]\((?!https?:|#)([^)]+)\)", shown)
    assert "](https://example.org/marview/raw/v1.2.3/docs/images/window.webp)" in shown
    assert "](https://example.org/marview/blob/v1.2.3/CONTRIBUTING.md)" in shown


def test_package_names_authors_and_python_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["authors"]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in project["classifiers"]
        assert f'"{version}"' in workflow


def test_package_is_typed() -> None:
    assert (ROOT / "marview" / "py.typed").is_file()
