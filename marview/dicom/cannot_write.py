"""Error for a file or folder that cannot be written, with the operating system's reason."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marview.errors import BadInput


class CannotWrite(BadInput):
    """A file or folder cannot be written.

    Attributes:
        what: the message without advice, for callers that add their own advice.
        why: error from the operating system.
    """

    def __init__(self, what: str, why: OSError | None = None, advice: str = "") -> None:
        super().__init__(f"{what} {advice}".rstrip())
        self.what = what
        self.why = why


@contextmanager
def sentences(target: Path) -> Iterator[None]:
    """Convert operating system errors to a `CannotWrite` that names the target."""
    try:
        yield
    except OSError as why:
        raise sentence(target, why) from None


def sentence(target: Path, why: OSError) -> CannotWrite:
    """Return the `CannotWrite` for an operating system error, even if a library has wrapped the error."""
    why = _first_cause(why)
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EEXIST: "its folder cannot be created, because a file or a broken link has that name",
        errno.EACCES: "you do not have permission to write there",
        errno.EPERM: "you do not have permission to write there",
    }
    said = why.strerror or "unknown error"  # may name a path, whose capitals count
    reason = reasons.get(why.errno or 0, said[:1].lower() + said[1:])
    advice = "No partial files were left behind. Choose another location."
    return CannotWrite(f"{target} cannot be written: {reason}.", why, advice)


def _first_cause(why: OSError) -> OSError:
    """Return the original error, which has an error number; pydicom replaces it with one that names the element."""
    cause: BaseException | None = why
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return cause
        cause = cause.__cause__
    return why
