"""The README of the package: with absolute links, because an index shows it away from its repository.

Set MARVIEW_REPOSITORY to the address of the repository, for instance https://example.org/marview. Without it the links
stay relative, as for an installation from a checkout.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)]+)\)")
_PAGES = {"Documentation": "docs/index.md", "Changelog": "CHANGELOG.md", "Security": "SECURITY.md"}


def absolute(text: str, repository: str, tag: str) -> str:
    """Make relative links of a Markdown text absolute: pictures to their raw file, other links to their page."""
    base = repository.rstrip("/")

    def link(match: re.Match[str]) -> str:
        kind = "raw" if match[1] else "blob"
        return f"{match[1]}[{match[2]}]({base}/{kind}/{tag}/{match[3]})"

    return _LINK.sub(link, text)


class ReadmeHook(MetadataHookInterface):
    """Hook that fills in `readme` and `urls` of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill them in."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("MARVIEW_REPOSITORY", "").rstrip("/")
        if repository:
            tag = f"v{metadata['version']}"
            text = absolute(text, repository, tag)
            pages = {name: f"{repository}/blob/{tag}/{page}" for name, page in _PAGES.items()}
            metadata["urls"] = {"Source": repository, "Issues": f"{repository}/issues", **pages}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
