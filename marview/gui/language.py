"""The language of the window: the system's language, or the user's choice."""

import gettext

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from marview.paths import resources
from marview.text import Catalogue, speak

SOURCE = "en"
"""The language of the texts in the source code."""

LANGUAGES = {SOURCE: "English", "de": "Deutsch"}
"""The available languages, each with its name in that language."""


def language(chosen: str) -> str:
    """Return the chosen language, or the first available system language; English if none is available."""
    wanted = [chosen] if chosen else [name.replace("_", "-").split("-")[0] for name in QLocale.system().uiLanguages()]
    return next((one for one in wanted if one in LANGUAGES), SOURCE)


def use_language(chosen: str) -> None:
    """Set the interface language, empty for the system language; call this before creating the window."""
    code = language(chosen)
    speak(catalogue(code))
    application = QCoreApplication.instance()
    own_words = QTranslator(application)  # Qt's own texts: buttons of dialogs, names of keys
    if application is not None and own_words.load(f"qtbase_{code}", _folder_of_qt()):
        application.installTranslator(own_words)


def catalogue(code: str) -> gettext.NullTranslations:
    """Return the translation catalogue of a language; empty for the language of the source code."""
    return gettext.translation("marview", resources() / "translations", [code], Catalogue, fallback=code == SOURCE)


def _folder_of_qt() -> str:
    return QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
