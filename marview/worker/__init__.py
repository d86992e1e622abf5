"""The child process in which methods run, and the way from clinical slices to a method and back."""
