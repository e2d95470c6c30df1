"""Names of unfinished files and folders: they tell what they will become and whose they are.

So what a killed process left is found beside its target at the next write to it, and what a living one is writing is
left alone.
"""

import os
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Literal
from uuid import uuid4

DAY = 24 * 3600.0
"""Seconds after which what another machine left is taken for abandoned: whether its process lives cannot be asked."""
LONGEST = 120
"""Bytes of a target's name that are repeated whole: 255 are allowed, and the owner needs some."""
UNKNOWN = "0" * 8
"""The beginning of a process where the system does not tell it."""
OWNER = re.compile(r"(?P<host>[0-9a-f]{12})-(?P<pid>[0-9]{1,10})-(?P<begun>[0-9a-f]{8})-[0-9a-f]{8}\.(part|old)")
End = Literal["part", "old"]
"""What is not finished yet, and what was displaced and not yet removed."""


def temporary_path(target: Path, end: End = "part") -> Path:
    """A new name beside `target`, hidden, that tells the target, this process and when the process began."""
    pid = os.getpid()
    owner = f"{_host()}-{pid}-{_begun(pid) or UNKNOWN}-{uuid4().hex[:8]}"
    return target.with_name(f"{_prefix(target)}{owner}.{end}")


def find_abandoned(target: Path, end: End | None = None) -> list[Path]:
    """What processes that are gone left beside a target: of this machine at once, of another one after a day.

    Names are matched whole, so nothing is taken for it that a person could have named.
    """
    prefix, found = _prefix(target), list[Path]()
    try:
        names = os.listdir(target.parent)
    except PermissionError:  # a folder may be there to be written into and not be read
        return []
    for name in names:
        match = OWNER.fullmatch(name[len(prefix) :]) if name.startswith(prefix) else None
        if match and end in (None, match[4]) and _is_gone(target.with_name(name), match):
            found.append(target.with_name(name))
    return found


def sweep(target: Path) -> None:
    """Remove what processes that are gone left beside a target.

    What they displaced stays until there is something in its place; what cannot be removed stays.
    """
    for left in find_abandoned(target, None if os.path.lexists(target) else "part"):
        remove(left)


def remove(path: Path) -> None:
    """Remove a temporary file or folder, if it is there and can be removed; a name that cannot be one is nowhere."""
    with suppress(OSError, ValueError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    name = target.name
    if len(os.fsencode(name)) > LONGEST:
        name = f"{name[:20]}~{sha256(os.fsencode(name)).hexdigest()[:16]}"
    return f".{name}."


def _is_gone(path: Path, match: re.Match[str]) -> bool:
    if match["host"] != _host():
        return time() - _last_change(path) > DAY
    pid = int(match["pid"])
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # none, or a number that none can have
        return True
    except OSError:
        pass  # there is such a process, and it is not ours to signal
    begun = _begun(pid)
    return UNKNOWN not in (match["begun"], begun or UNKNOWN) and begun != match["begun"]


def _last_change(path: Path) -> float:
    """When anything at a place was written last, in seconds; the present where that cannot be found out."""
    times = [0.0]
    try:
        times += [one.lstat().st_mtime for one in (path, *path.rglob("*"))]
    except OSError:
        return time()
    return max(times)


@cache
def _host() -> str:
    """This machine, or this container: process numbers mean something only within it."""
    parts = [socket.gethostname()]
    for place in ("/etc/machine-id", "/proc/self/ns/pid"):
        with suppress(OSError):
            parts.append(os.readlink(place) if place.startswith("/proc") else Path(place).read_text())
    return sha256("\n".join(parts).encode()).hexdigest()[:12]


def _begun(pid: int) -> str | None:
    """When a process began, as eight characters that a later process of the same number does not have.

    None where the system does not tell. A process that has ended and is not yet collected counts as another one.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        moment = f"{boot}{state[19]}{'ended' if state[0] in 'ZX' else ''}"
    except (OSError, IndexError):
        moment = _asked(pid)
    return sha256(moment.encode()).hexdigest()[:8] if moment else None


def _asked(pid: int) -> str:
    """What `ps` says of it, on systems that keep no files about processes."""
    try:
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
