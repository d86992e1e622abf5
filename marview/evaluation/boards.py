"""Published benchmarks other than SynDeepLesion, each with its own cases and metric."""

from marview.evaluation.published_row import Published

_SAMPLE = "measured for this project"

SAMPLE: tuple[Published, ...] = (
    Published("Input", "sample", 29.81, 0.7679, 89.1, (), _SAMPLE),
    Published("LI", "sample", 38.16, 0.9620, 34.4, (), _SAMPLE),
    Published("NMAR, raw prior", "sample", 35.98, 0.9676, 49.7, (), _SAMPLE),
    Published("NMAR, LI prior", "sample", 39.44, 0.9761, 29.4, (), _SAMPLE),
    Published("CNNMAR, its released weights", "sample", 40.69, 0.9821, 25.1, (), _SAMPLE),
    Published("best released network", "sample", 43.10, 0.9902, 19.5, (41.19, 38.67, 43.93, 45.55, 46.15), _SAMPLE),
    Published("FBP ceiling", "sample", 43.8, 0.994, 17.1, (), _SAMPLE),
    Published("FBP ceiling, stored FBP", "sample", 41.06, 0.9104, 23.1, (), _SAMPLE),
)

_DSC = "Yu 2021, Deep Sinogram Completion, Table I"
_DSC_ABLATION = "Yu 2021, Deep Sinogram Completion, Table II"

DSC: tuple[Published, ...] = (
    Published("LI", "DSC", None, 0.9455, 50.31, (), _DSC),
    Published("NMAR", "DSC", None, 0.9594, 47.03, (), _DSC),
    Published("CNNMAR", "DSC", None, 0.9706, 43.27, (), _DSC),
    Published("cGANMAR", "DSC", None, 0.9754, 39.01, (), _DSC),
    Published("DuDoNet", "DSC", None, 0.9766, 38.00, (), _DSC),
    Published("deep sinogram completion", "DSC", None, 0.9784, 31.15, (), _DSC),
    Published("- without prior", "DSC", None, 0.9720, 43.65, (), _DSC_ABLATION),
    Published("- tissue processing", "DSC", None, 0.9768, 35.64, (), _DSC_ABLATION),
    Published("- without residual", "DSC", None, 0.9781, 31.86, (), _DSC_ABLATION),
    Published("- metal image only", "DSC", None, 0.9778, 31.60, (), _DSC_ABLATION),
)

_DUDONET = "Lin 2019, DuDoNet, Table 2"
_DUDONET_ABLATION = "Lin 2019, DuDoNet, Table 1"

DUDONET: tuple[Published, ...] = (
    Published("LI", "DuDoNet", 25.47, 0.8917, None, (), _DUDONET),
    Published("NMAR", "DuDoNet", 27.51, 0.9001, None, (), _DUDONET),
    Published("cGAN-CT", "DuDoNet", 28.07, 0.8733, None, (), _DUDONET),
    Published("RDN-CT", "DuDoNet", 31.74, 0.9156, None, (), _DUDONET),
    Published("CNNMAR", "DuDoNet", 29.52, 0.9243, None, (), _DUDONET),
    Published("DuDoNet", "DuDoNet", 33.51, 0.9379, None, (29.02, 31.12, 34.32, 36.72, 36.36), _DUDONET),
    Published("- A: SE-Net without mask pyramid", "DuDoNet", 26.46, None, None, (), _DUDONET_ABLATION),
    Published("- B: SE-Net", "DuDoNet", 26.71, None, None, (), _DUDONET_ABLATION),
    Published("- C: IE-Net", "DuDoNet", 31.45, None, None, (), _DUDONET_ABLATION),
    Published("- D: A and IE-Net", "DuDoNet", 32.95, None, None, (), _DUDONET_ABLATION),
    Published("- E: B and IE-Net", "DuDoNet", 32.96, None, None, (), _DUDONET_ABLATION),
    Published("- F: D and Radon consistency", "DuDoNet", 33.41, None, None, (), _DUDONET_ABLATION),
)

_ADN = "Liao 2019, ADN, Table 1"

ADN: tuple[Published, ...] = (
    Published("CNNMAR", "ADN", 32.5, 0.914, None, (), _ADN),
    Published("UNet", "ADN", 34.8, 0.931, None, (), _ADN),
    Published("cGANMAR", "ADN", 34.1, 0.934, None, (), _ADN),
    Published("ADN", "ADN", 33.6, 0.924, None, (), _ADN),
    Published("CycleGAN", "ADN", 30.8, 0.729, None, (), _ADN),
    Published("DIP", "ADN", 26.4, 0.759, None, (), _ADN),
    Published("MUNIT", "ADN", 14.9, 0.075, None, (), _ADN),
    Published("DRIT", "ADN", 25.6, 0.797, None, (), _ADN),
)

_LGA = "Han 2025, Latent GSI Alignment, Table 3"

LGA: tuple[Published, ...] = (
    Published("LI", "LGA", 32.59, 0.9638, None, (), _LGA),
    Published("DuDoDp", "LGA", 31.23, 0.9569, None, (), _LGA),
    Published("OSCNet", "LGA", 31.41, 0.9612, None, (), _LGA),
    Published("OSCNet+", "LGA", 31.33, 0.9632, None, (), _LGA),
    Published("Latent GSI Alignment", "LGA", 37.91, 0.9690, None, (), _LGA),
)

_AAPM = "Haneda 2025, doi 10.1002/mp.70050"

AAPM: tuple[Published, ...] = (
    Published("1st: network on sinogram and image", "AAPM", None, None, source=_AAPM, score=0.96),
    Published("2nd: implicit representation and ResNet", "AAPM", None, None, source=_AAPM, score=0.98),
    Published("3rd: Swin U-Net and ResNet", "AAPM", None, None, source=_AAPM, score=0.99),
    Published("5th: latent diffusion", "AAPM", None, None, source=_AAPM, score=1.06),
    Published("NMAR", "AAPM", None, None, source=_AAPM, score=1.82),
    Published("last", "AAPM", None, None, source=_AAPM, score=3.34),
)

_FIND = "FIND-Net (2025)"

CATSIM: tuple[Published, ...] = (
    Published("LI", "CatSim", 38.9, 0.913, source=_FIND, mean_absolute_error=26.6),
    Published("DICDNet", "CatSim", 42.4, 0.951, source=_FIND, mean_absolute_error=18.3),
    Published("OSCNet", "CatSim", 41.7, 0.948, source=_FIND, mean_absolute_error=18.8),
    Published("OSCNet+", "CatSim", 42.0, 0.948, source=_FIND, mean_absolute_error=18.8),
    Published("FIND-Net", "CatSim", 42.8, 0.952, source=_FIND, mean_absolute_error=17.9),
)

ALONE: tuple[Published, ...] = (
    Published("Polyner, DeepLesion", "alone", 37.57, 0.975, source="Polyner (2023), 256 px, fitted to each scan"),
    Published("Polyner, XCOM", "alone", 38.74, 0.951, source="Polyner (2023), 256 px, fitted to each scan"),
    Published("DCDiff", "alone", 35.47, 0.939, source="DCDiff (2024)"),
    Published("UPGRADE-Net, sinogram", "alone", 33.44, 0.961, source="UPGRADE-Net (2025)"),
)
