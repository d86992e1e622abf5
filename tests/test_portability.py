"""Modules load without Unix-only modules, as on Windows."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HIDING = """
import importlib, os, pkgutil, signal, sys
sys.path.insert(0, sys.argv[1])
import marview

def all_modules():
    return [each.name for each in pkgutil.walk_packages(marview.__path__, "marview.") if "__main__" not in each.name]

for name in all_modules():  # loads the libraries too, which guard their own imports
    importlib.import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] == "marview"]:
    del sys.modules[name]
for name in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
for name in (
    "chown", "fchmod", "fchown", "fork", "getegid", "geteuid", "getgid", "getpgid", "getpgrp", "getuid", "killpg",
    "mkfifo", "nice", "posix_fallocate", "posix_fadvise", "sched_getaffinity", "sched_setaffinity", "setpgid", "setsid",
    "statvfs", "fstatvfs", "sysconf", "sysconf_names", "uname", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGBUS", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    delattr(signal, name)
import marview
for name in all_modules():
    importlib.import_module(name)
print("all loaded")
"""


def test_every_module_loads_without_the_unix_parts() -> None:
    words = [sys.executable, "-c", HIDING, str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=280)
    assert done.stdout.strip().endswith("all loaded"), done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_no_unix_part_is_used_where_it_may_be_missing(system: str, tmp_path: Path) -> None:
    """The type checker knows the missing parts of each platform's standard library and the guards against them."""
    words = [sys.executable, "-m", "mypy", "--platform", system, "--cache-dir", str(tmp_path), "--no-warn-unreachable"]
    done = subprocess.run([*words, "marview"], capture_output=True, text=True, cwd=ROOT, timeout=1500)
    assert done.returncode == 0, done.stdout
