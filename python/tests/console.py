"""A Python interpreter that a test types commands into."""

import subprocess
import sys
from types import TracebackType


class Console:
    """An interactive interpreter in a process of its own. The end of the `with` block ends it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-q", "-i", "-u"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._count = 0

    def enter(self, commands: str) -> str:
        """Types commands, and returns what they print. Raises AssertionError if the interpreter ends."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._count += 1
        done = f"<done {self._count}>"
        self._process.stdin.write(f"{commands}\n\nprint({done!r})\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip("\n") == done:
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"the interpreter ended: {self.leave()}")

    def leave(self) -> str:
        """Ends the interpreter as Ctrl-D does. Returns what it wrote to standard error, without the prompts."""
        _, errors = self._process.communicate()
        return errors.replace(">>> ", "").replace("... ", "").strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> "Console":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
            return
        if self._process.poll() is None:
            said = self.leave()
            assert said == "", said
            assert self._process.returncode == 0
