"""Reasons why a file could not be read, in words."""


def in_words(reason: Exception, otherwise: str) -> str:
    """Return the system's reason without error number and path; `otherwise` if there is none.

    Examples:
        >>> in_words(FileNotFoundError(2, "No such file or directory", "masks.npz"), "it is damaged")
        'no such file or directory'
        >>> in_words(ValueError("allow_pickle=False"), "it is damaged")
        'it is damaged'
    """
    said = reason.strerror if isinstance(reason, OSError) else None
    return said.lower() if said else otherwise
