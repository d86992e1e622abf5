"""The worker process, which runs methods. It converts clinical slices to cases, and results to corrections."""
