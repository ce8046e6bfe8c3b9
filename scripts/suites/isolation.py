"""Runs a command where it can neither meet another run nor leave anything behind: namespaces of its own.

It has a loopback network only, with an empty set of ports; a process tree that dies with it; `localhost` as v4 and v6;
and a user that is not root, as PostgreSQL wants it, but owns what the one who runs the script owns.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
# sh stays: as process 1 it collects orphans.
ENTER = """
ip link set lo up && mount --bind "$3" /etc/hosts || exit 125
user=$1 group=$2; shift 3
unshare --user --map-user="$user" --map-group="$group" "$@"
exit $?
"""


def isolated(command: list[str], folder: Path) -> list[str]:
    """The command that runs `command` apart. `folder` keeps a file for it."""
    user, group = plain_user()
    hosts = folder / "hosts"
    hosts.write_text(HOSTS)
    outer = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*outer, "sh", "-c", ENTER, "sh", str(user), str(group), str(hosts), *command]


def can_isolate(folder: Path) -> bool:
    """Whether this kernel and user may make such namespaces, and the tools are there."""
    try:
        return subprocess.run(isolated(["true"], folder), capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def plain_user() -> tuple[int, int]:
    """Who the command seems to be: we, or for root somebody else who has a name."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            pass
    return 65534, 65534
