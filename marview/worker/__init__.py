"""Worker process that runs methods: it converts clinical slices to cases, and results to corrections."""
