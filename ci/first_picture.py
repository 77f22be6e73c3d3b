#!/usr/bin/env python3
"""Makes the first picture of the README anew: one camera, in a terminal and in a browser at once. Needs tmux, chromium and the Python of the tests:

    cargo build --release -p ndsharray-cli && target/python-venv/bin/python -m pip install playwright && target/python-venv/bin/python ci/first_picture.py
"""

import base64
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pictures import svg
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TAG, COLUMNS, ROWS = "camera-front", 104, 36
SCREEN = {"width": 1120, "height": 720}
PAGE = """<style>
body { margin: 0; background: #e8ebef; font: 13px "DejaVu Sans", sans-serif; color: #444b55; display: flex; gap: 16px; padding: 14px; box-sizing: border-box; width: 1241px }
figure { margin: 0 } figcaption { padding: 0 0 8px 4px } img { display: block; height: 400px; border-radius: 6px; box-shadow: 0 1px 5px #0005 }
</style>
<figure><figcaption>ndsharray top camera-front</figcaption><img src="data:image/svg+xml;base64,%s"></figure>
<figure><figcaption>ndsharray serve</figcaption><img src="data:image/png;base64,%s"></figure>"""


def main() -> None:
    program = os.environ.get("NDSHARRAY", str(ROOT / "target/release/ndsharray"))
    store = Path("/dev/shm/robot")  # Its path is in the picture.
    store.mkdir()
    environment = {**os.environ, "NDSHARRAY_DIR": str(store), "COLORTERM": "truecolor"}
    with tempfile.TemporaryDirectory() as scratch:
        tmux = ["tmux", "-u", "-f", "/dev/null", "-S", scratch + "/tmux"]
        scene = subprocess.Popen([sys.executable, str(ROOT / "serve/tests/browser/scene.py"), str(store), "600"])
        command = [program, "serve", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            time.sleep(2)
            subprocess.run([*tmux, "new-session", "-d", "-s", "top", "-x", str(COLUMNS), "-y", str(ROWS), f"{program} top {TAG}"], env=environment, check=True)
            address = re.search(r"http://\S+/", server.stdout.readline())[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
                page = browser.new_page(viewport=SCREEN, color_scheme="light", device_scale_factor=1)
                page.goto(f"{address}#tag={TAG}")
                time.sleep(8)  # For the rates.
                scene.send_signal(signal.SIGSTOP)  # So that both show one frame.
                time.sleep(3)
                shown = page.screenshot()
                text = subprocess.run([*tmux, "capture-pane", "-p", "-e", "-t", "top"], check=True, capture_output=True, text=True).stdout
                encoded = [base64.b64encode(part).decode() for part in (svg(text.rstrip("\n"), COLUMNS, ROWS).encode(), shown)]
                both = browser.new_page(viewport={"width": 1241, "height": 446}, device_scale_factor=1.25)
                both.set_content(PAGE % tuple(encoded))
                both.screenshot(path=ROOT / "docs/pictures/first.jpg", type="jpeg", quality=80)
                browser.close()
        finally:
            subprocess.run([*tmux, "kill-server"], stderr=subprocess.DEVNULL)
            scene.send_signal(signal.SIGCONT)
            for process in (server, scene):
                process.terminate()
                process.wait()
            subprocess.run([program, "gc"], env=environment)
            for file in store.iterdir():
                file.unlink()
            store.rmdir()


if __name__ == "__main__":
    main()
