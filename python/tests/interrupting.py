"""Ctrl-C, sent to a script in a process of its own."""

import signal
import subprocess
import sys
import time

# Shells start background jobs with Ctrl-C ignored, which children inherit.
PRELUDE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def interrupt(script: str) -> tuple[str, str, int]:
    """Runs a script that says "waiting", interrupts it then, and returns what else it says and its exit code."""
    command = [sys.executable, "-W", "error", "-c", PRELUDE + script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return out, errors, process.returncode
