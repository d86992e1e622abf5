"""Describe why a file could not be read."""


def in_words(reason: Exception, otherwise: str) -> str:
    """Return the message of an OSError without its number and path; `otherwise` for other exceptions.

    Examples:
        >>> in_words(FileNotFoundError(2, "No such file or directory", "masks.npz"), "it is damaged")
        'no such file or directory'
        >>> in_words(ValueError("allow_pickle=False"), "it is damaged")
        'it is damaged'
    """
    said = reason.strerror if isinstance(reason, OSError) else None
    return said.lower() if said else otherwise
