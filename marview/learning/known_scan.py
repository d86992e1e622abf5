"""Whether a network was trained on a case's scan."""

import json
from collections.abc import Mapping

from marview.methods.api import MarCase
from marview.physics import protocol, protocol_names


def other_scan(case: MarCase, about: Mapping[str, str]) -> str:
    """A sentence where a case's sinogram was measured by a scan its network has not seen, else empty.

    Args:
        case: to correct; a clinical image, which has no measured sinogram, is always scanned alike.
        about: metadata of the weights, as `Job.about_weights` gives them; without protocols nothing is said.
    """
    names = list(dict.fromkeys(json.loads(about.get("protocols", "[]"))))
    known = [protocol(name) for name in names if name in protocol_names()]
    if case.measured_sinogram is None or not known or any(each.is_scan_of(case.beam, case.pixel_mm) for each in known):
        return ""
    return (
        f"The sinogram was measured by a scan the network was not trained on (it knows {', '.join(names)}), so check "
        "its result with care."
    )
