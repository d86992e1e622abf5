"""A row of a published table, and the families of tables whose numbers are comparable."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["A", "B", "C", "sample", "DSC", "DuDoNet", "ADN", "LGA", "AAPM", "CatSim", "alone"]

FAMILIES: dict[Family, str] = {
    "A": "SynDeepLesion in the tables of 2021 and 2022; their PSNR is not reproducible from the public files, so "
    "compare only SSIM",
    "B": "the public SynDeepLesion files in 0 to 0.5/cm, metal zeroed: comparable with marview's PSNR and SSIM",
    "C": "the public SynDeepLesion files in 0 to 1/cm and 8 bits: 6.02 dB above family B for the same image",
    "sample": "20 of the 2000 public SynDeepLesion files, measured for this project as family B, accurate to about 1 "
    "dB",
    "DSC": "the test set of deep sinogram completion's own paper: RMSE outside metal",
    "DuDoNet": "the test set of DuDoNet's own paper, 320 views: PSNR over the width of each image's display window",
    "ADN": "the simulated set of ADN's paper, 256 x 256 pixels in 0 to 0.5/cm",
    "LGA": "ArtifactGSI, clinical scans against spectral images of the same patients; PSNR with an unknown value range",
    "AAPM": "the AAPM CT-MAR challenge of 2024: mean of eight measures, 0 for the truth and 4 for uncorrected images, "
    "lower is better",
    "CatSim": "scans simulated with CatSim, in FIND-Net's paper: mean absolute error, SSIM and PSNR",
    "alone": "each measured in its own paper on its own simulation; not comparable with any other row, even in this "
    "table",
}


@dataclass(frozen=True)
class Published:
    """A row of a published table; missing values are None.

    Attributes:
        method: name of the method in the paper.
        family: group of tables with the same metric and cases, a key of `FAMILIES`.
        psnr_db: average PSNR.
        ssim: average SSIM.
        rmse_hu: average RMSE outside metal.
        groups: PSNR in dB for each group of metal sizes, from large to small.
        source: publication.
        is_confirmed: whether the row was checked against the paper or a quotation from it; check unconfirmed
            rows before you quote them.
        are_groups_confirmed: whether `groups` was also checked; relevant only if `is_confirmed` is True.
        mean_absolute_error: mean absolute error.
        score: score in the AAPM CT-MAR challenge; lower is better.
    """

    method: str
    family: Family
    psnr_db: float | None
    ssim: float | None
    rmse_hu: float | None = None
    groups: tuple[float, ...] = ()
    source: str = ""
    is_confirmed: bool = True
    are_groups_confirmed: bool = True
    mean_absolute_error: float | None = None
    score: float | None = None
