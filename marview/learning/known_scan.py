"""Warn if a network was not trained with the scan protocol of a case."""

import json
from collections.abc import Mapping

from marview.methods.api import MarCase
from marview.physics import protocol, protocol_names


def other_scan(case: MarCase, about: Mapping[str, str]) -> str:
    """Return a warning if a sinogram was measured with a protocol that the network was not trained on, else "".

    Args:
        case: case to correct; for clinical images there is no warning, because marview projects them all in
            the same way.
        about: metadata of the weights, from `Job.about_weights`; without protocols there is no warning.
    """
    names = list(dict.fromkeys(json.loads(about.get("protocols", "[]"))))
    known = [protocol(name) for name in names if name in protocol_names()]
    if case.measured_sinogram is None or not known or any(each.is_scan_of(case.beam, case.pixel_mm) for each in known):
        return ""
    return (
        "The sinogram was measured with a protocol that the network was not trained on. The network was trained on "
        f"{', '.join(names)}. Check the result carefully."
    )
