#!/usr/bin/env python3
"""Makes the pictures of the page of `ndsharray serve` in docs/pictures anew, with chromium and the Python of the tests:

    cargo build --release -p ndsharray-cli && target/python-venv/bin/python ci/serve_pictures.py
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PICTURES = [
    ("serve-list-light", "", "light", WIDE),
    ("serve-list-dark", "", "dark", WIDE),
    ("serve-picture-light", "tag=camera-front&region=250,130,160,120", "light", WIDE),
    ("serve-picture-dark", "tag=depth&map=turbo", "dark", WIDE),
    ("serve-plot-light", "tag=spectrum", "light", WIDE),
    ("serve-time-dark", "tag=imu&seconds=10", "dark", WIDE),
    ("serve-points-dark", "tag=lidar", "dark", WIDE),
    ("serve-table-light", "tag=poses", "light", WIDE),
    ("serve-narrow-light", "", "light", NARROW),
    ("serve-narrow-dark", "tag=camera-front", "dark", NARROW),
]


def main() -> None:
    program = os.environ.get("NDSHARRAY", str(ROOT / "target/release/ndsharray"))
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        scene = subprocess.Popen([sys.executable, str(ROOT / "serve/tests/browser/scene.py"), directory, "600"])
        environment = {**os.environ, "NDSHARRAY_DIR": directory}
        command = [program, "serve", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            address = re.search(r"http://\S+/", server.stdout.readline())[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
                for name, state, scheme, screen in PICTURES:
                    if wanted and name not in wanted:
                        continue
                    page = browser.new_page(viewport=screen, color_scheme=scheme, device_scale_factor=1)
                    page.goto(f"{address}#{state}")
                    # As long as it takes until rates and lines are there.
                    time.sleep(14 if "time" in name else 6)
                    page.screenshot(path=ROOT / f"docs/pictures/{name}.png")
                    page.close()
                browser.close()
        finally:
            for process in (server, scene):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
