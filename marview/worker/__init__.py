"""The worker process, which runs methods and converts clinical slices to cases and results to corrections."""
