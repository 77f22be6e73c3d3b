"""Sends Ctrl-C to a script that runs in a process of its own."""

import signal
import subprocess
import sys
import time

# A shell starts background jobs with Ctrl-C ignored, and their children inherit that.
PRELUDE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def interrupt(script: str) -> tuple[str, str, int]:
    """Runs a script and interrupts it after it has printed "waiting". Returns what else it prints, and its exit code."""
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
