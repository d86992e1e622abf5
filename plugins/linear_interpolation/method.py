"""Linear interpolation across the metal trace (Kalender 1987)."""

from pydantic import BaseModel

from marview.methods.api import Job, MarCase, MarResult


class LinearInterpolation:
    """Method that linearly interpolates rays through metal from their neighbours in the same view."""

    class Parameters(BaseModel):
        """Empty set of parameters; the method has none."""

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:  # noqa: ARG002
        """Correct the slices of a case."""
        job.progress(0.3, "interpolating")
        corrected = case.li_sinogram
        job.check_cancelled()
        job.progress(0.6, "reconstructing")
        return MarResult.from_sinogram(case, corrected)
