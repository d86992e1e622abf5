"""Finished English sentences are recognised by the text they were made of, and said in the person's language."""

import pytest

from marview.gui.language import catalogue
from marview.methods.notes import Notes, SliceNote
from marview.text import speak
from marview.told import told
from marview.worker.front_end import REPROJECTED, too_much_metal


@pytest.fixture(autouse=True)
def speak_german():
    speak(catalogue("de"))
    yield
    speak(catalogue("en"))


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (
            "IM_0007.dcm is truncated: it ends before its image.",
            "IM_0007.dcm ist abgeschnitten: Die Datei endet vor ihrem Bild.",
        ),
        (
            "IM 7: a.dcm is truncated: it contains 12 of the 524288 bytes of its image. This applies to 3 slices.",
            "IM 7: a.dcm ist abgeschnitten: Die Datei enthält 12 der 524288 Bytes ihres Bildes. Das gilt für "
            "3 Schichten.",
        ),
        (
            "a.dcm is truncated: it ends before its image. Copy the files from their source again, or export the "
            "series again.",
            "a.dcm ist abgeschnitten: Die Datei endet vor ihrem Bild. Kopieren Sie die Dateien erneut "
            "von ihrer Quelle, oder exportieren Sie die Serie erneut.",
        ),
        (
            "Skipped: 4 listed in the DICOMDIR but missing. The series may be missing slices; copy the files again.",
            "Ausgelassen: 4 im DICOMDIR aufgeführt, aber nicht vorhanden. Der Serie fehlen vielleicht Schichten; "
            "kopieren Sie die Dateien noch einmal.",
        ),
        (
            "This is a scout, not a stack of slices. You can view the series, but not measure or correct it.",
            "Das ist eine Übersichtsaufnahme, kein Schichtstapel. Sie können die Serie ansehen, aber nicht in ihr "
            "messen oder sie korrigieren.",
        ),
        (
            "A slice is missing between a.dcm and b.dcm: 3.00 mm expected, 6.00 mm found.",
            "Eine Schicht fehlt zwischen a.dcm und b.dcm: 3.00 mm erwartet, 6.00 mm gefunden.",
        ),
    ],
)
def test_findings_about_files(sentence, german) -> None:
    assert told(sentence) == german


def test_notes_of_methods_whatever_their_slices_and_numbers() -> None:
    notes = Notes(lambda index: index + 1)
    for index, share in ((14, 0.31), (26, 0.4)):
        notes.add(too_much_metal(share, index))
    seen, advice = (
        "the metal looks like steel, which is dense",
        "; compare 'Tube voltage' (tube_kv) and 'Added filtration' (filtration_mm) with the scan",
    )
    notes.add(SliceNote(7, seen, advice))
    first, second = notes.sentences
    assert told(first) == (
        "2 Schichten (15 und 27): Metall verdeckt 31% to 40% des Sinogramms, die Werte, die es ersetzen, sind also "
        "weitgehend geraten."
    )
    assert told(second).startswith("Schicht 8: das Metall sieht aus wie steel und ist dicht; vergleichen Sie")
    assert told(REPROJECTED).startswith("Das Sinogramm ist eine Vorwärtsprojektion")


LEARNED = (
    "The network was trained on 27 slices of this scan without metal and 1 mask of metal: 300 steps in 1.4 minutes, "
)
LERNTE = (
    "Das Netz wurde mit 27 Schichten dieser Aufnahme ohne Metall und 1 Maske von Metall trainiert: 300 Schritte in 1.4 "
)


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (
            f"{LEARNED}208 x 208 pixels, 180 views, starting from weights of other patients. With simulated metal in "
            "the training slices (there are no others), its error in the trace is 70% of linear interpolation's error, "
            "80% before the training. That is not an improvement, so the network was not used, and the trace contains "
            "the completion that the network would correct. Increase 'Training time' (minutes). The network was "
            "trained with a slightly different mask.",
            f"{LERNTE}Minuten, 208 x 208 Pixel, 180 Projektionen, ausgehend von Gewichten anderer Patienten. Mit "
            "simuliertem Metall in den Trainingsschichten (es gibt keine anderen) beträgt sein Fehler in der Spur 70% "
            "des Fehlers der linearen Interpolation, 80% vor dem Training. Das ist keine Verbesserung, deshalb wurde "
            "das Netz nicht verwendet, und die Spur enthält die Ergänzung, die das Netz korrigieren würde. "
            "Erhöhen Sie „Trainingszeit“ (minutes). Das Netz wurde mit einer etwas anderen Maske trainiert.",
        ),
        (
            "Slice 8: the metal hides many rays and attenuates strongly; near such metal this network has larger "
            "errors than NMAR, so NMAR was used instead; for the network's image, set 'Near large metal' (large_metal) "
            "to network.",
            "Schicht 8: das Metall verdeckt viele Strahlen und schwächt stark; bei solchem Metall hat dieses Netz "
            "größere Fehler als NMAR, daher wurde stattdessen NMAR verwendet; für das Bild des Netzes setzen Sie „Bei "
            "großem Metall“ (large_metal) auf Netz (network).",
        ),
        ("step 3 of 1500", "Schritt 3 von 1500"),
        ("2 slices", "2 Schichten"),
        ("1 slice", "1 Schicht"),
    ],
)
def test_what_the_near_hip_network_learned(sentence, german) -> None:
    assert told(sentence) == german


@pytest.mark.parametrize("sentence", ["", "Eine andere Sprache.", "A sentence that no catalogue has, of a plugin."])
def test_what_is_not_known_stays(sentence) -> None:
    assert told(sentence) == sentence
