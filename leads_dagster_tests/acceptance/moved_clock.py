"""A wall clock that can be moved while processes run: theirs alone, for the machine's own is everybody's.

What belongs here: the small library that is preloaded into them, and the file that says by how much. File systems and
the kernel keep the true time, as a server does whose files lie on another one.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


class MovedClock:
    """Of all processes that are started with its environment.

    Args:
        folder: for the library and the file; made.

    Attributes:
        environ: what a process needs in its environment; nothing where this machine has no C compiler.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._file, library = folder / "offset", folder / "moved_clock.so"
        self._file.write_bytes(struct.pack("d", 0.0))
        compiler = shutil.which("cc")
        self.environ: dict[str, str] = {}
        if compiler is not None:
            command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
            subprocess.run(command, check=True)
            self.environ = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(self._file)}

    def move(self, seconds: float) -> None:
        """Have it so many seconds off from now on, forward or, where less than nought, back."""
        with self._file.open("r+b") as file:  # in place: the processes have it mapped
            file.write(struct.pack("d", seconds))
