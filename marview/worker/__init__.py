"""The child process that runs methods, and the conversion of clinical slices to cases and back."""
