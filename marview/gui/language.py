"""The language of the window: the system's, or the one that is chosen."""

import gettext

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from marview.paths import resources
from marview.text import Catalogue, speak

SOURCE = "en"
"""The language of the words in the source."""

LANGUAGES = {SOURCE: "English", "de": "Deutsch"}
"""The languages there are, each by its own name."""


def language(chosen: str) -> str:
    """The language in use: the one that is chosen, or the first of the system's languages that there is."""
    wanted = [chosen] if chosen else [name.replace("_", "-").split("-")[0] for name in QLocale.system().uiLanguages()]
    return next((one for one in wanted if one in LANGUAGES), SOURCE)


def use_language(chosen: str) -> None:
    """Speak the language that is chosen, empty for the system's; call it before the window is made."""
    code = language(chosen)
    speak(catalogue(code))
    application = QCoreApplication.instance()
    own_words = QTranslator(application)  # of Qt: the buttons of its dialogs, and the names of keys
    if application is not None and own_words.load(f"qtbase_{code}", _folder_of_qt()):
        application.installTranslator(own_words)


def catalogue(code: str) -> gettext.NullTranslations:
    """The catalogue of a language; an empty one for the language of the source."""
    return gettext.translation("marview", resources() / "translations", [code], Catalogue, fallback=code == SOURCE)


def _folder_of_qt() -> str:
    return QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
