"""Published results by protocol; only numbers from the same family of tables are comparable."""

from marview.evaluation import boards
from marview.evaluation.published_row import Published

_TABLES_2021 = "InDuDoNet (2021) and ACDNet (2022)"
_MLD = "MLD-MAR, Med Phys 53 (2026) e70336, Table 1"
_MAMBA = "MARMamba, arXiv 2604.06622 (2026), Tables I and II; mean of its four groups by their masks"

SYNDEEPLESION: tuple[Published, ...] = (
    Published(
        "Input", "A", 27.06, 0.7586, None, (24.12, 26.13, 27.75, 28.53, 28.78), _TABLES_2021, are_groups_confirmed=False
    ),
    Published(
        "LI", "A", 29.27, 0.9347, None, (27.21, 28.31, 29.86, 30.40, 30.57), _TABLES_2021, are_groups_confirmed=False
    ),
    Published("NMAR", "A", 29.48, 0.9442, None, (27.66, 28.81, 29.69, 30.44, 30.79), _TABLES_2021, is_confirmed=False),
    Published(
        "CNNMAR", "A", 30.38, 0.9644, None, (28.92, 29.89, 30.84, 31.11, 31.14), _TABLES_2021, is_confirmed=False
    ),
    Published(
        "DuDoNet",
        "A",
        31.14,
        0.9814,
        None,
        (29.87, 30.60, 31.46, 31.85, 31.91),
        _TABLES_2021,
        are_groups_confirmed=False,
    ),
    Published(
        "DSCMAR", "A", 33.21, 0.9375, None, (34.04, 33.10, 33.37, 32.75, 32.77), _TABLES_2021, is_confirmed=False
    ),
    Published(
        "DuDoNet++",
        "A",
        39.69,
        0.9886,
        None,
        (36.17, 38.34, 40.32, 41.56, 42.08),
        _TABLES_2021,
        are_groups_confirmed=False,
    ),
    Published(
        "InDuDoNet", "A", 41.48, 0.9897, None, (36.74, 39.32, 41.86, 44.47, 45.01), _TABLES_2021, is_confirmed=False
    ),
    Published(
        "InDuDoNet+", "A", 41.50, 0.9891, None, (36.28, 39.23, 41.81, 45.03, 45.15), _TABLES_2021, is_confirmed=False
    ),
    Published("ACDNet", "A", 40.68, 0.9933, None, (), "ACDNet (2022)"),
    Published("MLD-MAR", "B", 46.45, 0.993, 12.74, (), _MLD),
    Published("DiffMAR", "B", 46.28, 0.9922, None, (), "JBHI (2024), as quoted by a list of methods"),
    Published("ACDNet", "B", 45.31, 0.9899, None, (), "DiffMAR, JBHI (2024), as quoted by a list of methods"),
    Published("AS-Mamba", "B", 45.04, None, None, (43.53, 44.29, 45.06, 45.78, 46.54), "arXiv 2602.06350 (2026)"),
    Published("InDuDoNet+", "B", 43.88, 0.988, 18.28, (), _MLD),
    Published("CNNMAR", "B", 37.30, 0.968, 34.85, (), _MLD),
    Published("DuDoDp", "B", 37.05, 0.968, 35.49, (), _MLD),
    Published("Score-MAR", "B", 34.64, 0.961, 49.59, (), _MLD),
)
"""Averages over the 2000 cases, from the publication that each row names."""

_GROUPS_OF_MAMBA = {"Large": 3, "Medium": 2, "Small": 3, "Tiny": 2}
"""Number of the ten masks in each group."""

_MAMBA_ROWS: dict[str, tuple[tuple[float, float], ...]] = {
    "InDuDoNet": ((39.77, 0.9881), (41.72, 0.9926), (46.37, 0.9949), (46.72, 0.9953)),
    "InDuDoNet+": ((38.29, 0.9858), (40.72, 0.9904), (46.72, 0.9940), (47.42, 0.9946)),
    "OSCNet": ((41.14, 0.9910), (41.08, 0.9923), (46.24, 0.9948), (47.17, 0.9952)),
    "OSCNet+": ((41.51, 0.9911), (41.88, 0.9928), (46.49, 0.9948), (47.37, 0.9952)),
    "MEPNet": ((38.28, 0.9852), (42.90, 0.9922), (47.79, 0.9943), (48.16, 0.9946)),
    "DICDNet": ((39.91, 0.9890), (40.93, 0.9917), (45.88, 0.9942), (46.52, 0.9945)),
    "ACDNet": ((39.90, 0.9903), (40.89, 0.9926), (43.64, 0.9947), (43.96, 0.9950)),
    "DuDoDp": ((43.47, 0.9886), (44.45, 0.9905), (45.84, 0.9928), (45.98, 0.9930)),
    "MARformer": ((44.88, 0.9912), (47.74, 0.9947), (50.01, 0.9959), (51.24, 0.9963)),
    "MARViT": ((46.26, 0.9929), (46.57, 0.9936), (48.80, 0.9948), (49.21, 0.9950)),
    "MARPVT": ((46.62, 0.9938), (47.15, 0.9946), (49.95, 0.9960), (50.60, 0.9962)),
    "MARMamba": ((47.60, 0.9943), (47.90, 0.9948), (50.91, 0.9960), (52.03, 0.9964)),
}


def published_rows(protocol: str) -> tuple[Published, ...]:
    """Return the published rows for a protocol, grouped by family; empty if there are none."""
    known = {
        "syndeeplesion-640": lambda: SYNDEEPLESION + _mamba() + boards.SAMPLE + boards.DSC + boards.ALONE,
        "dudonet-320": lambda: boards.DUDONET,
        "adn-256": lambda: boards.ADN,
        "aapm-1000": lambda: boards.AAPM + boards.CATSIM,
    }
    return known[protocol]() if protocol in known else ()


def _mamba() -> tuple[Published, ...]:
    weights = list(_GROUPS_OF_MAMBA.values())
    return tuple(
        Published(
            method,
            "C",
            _average([g[0] for g in row], weights),
            _average([g[1] for g in row], weights),
            None,
            (),
            _MAMBA,
        )
        for method, row in _MAMBA_ROWS.items()
    )


def _average(values: list[float], weights: list[int]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
