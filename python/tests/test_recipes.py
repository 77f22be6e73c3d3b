"""The recipes of docs/recipes.md for ffmpeg and GStreamer run as they are written; those for ROS 2 are read by the compiler only."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import ndsharray

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
RECIPES = dict(re.findall(r"^```sh\n# (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
PROGRAM = Path(__file__).parents[2] / "target" / "debug" / "ndsharray"
WATCHDOG = 120
FFMPEG_IN, FFMPEG_OUT = "ffmpeg into a tag", "a tag into a film"
GSTREAMER_IN, GSTREAMER_OUT = "GStreamer into a tag", "a tag into GStreamer"


def start(name: str, files: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-o", "pipefail", "-ec", RECIPES[name]]
    return subprocess.Popen(command, cwd=files, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: "subprocess.Popen[str]") -> None:
    try:
        said, _ = process.communicate(timeout=WATCHDOG)
    finally:
        process.kill()
    assert process.returncode == 0, said


def need(*programs: str) -> None:
    if not PROGRAM.exists():
        pytest.skip("the command line is not built: cargo build --package ndsharray-cli")
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


def need_gstreamer() -> None:
    need("gst-launch-1.0", "gst-inspect-1.0")
    for element in ["videotestsrc", "videoconvert", "rawvideoparse"]:
        if subprocess.run(["gst-inspect-1.0", element], capture_output=True).returncode != 0:
            pytest.skip(f"{element} of GStreamer is not installed")


def wait_for(tag: str, store: ndsharray.Store, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + WATCHDOG
    while tag not in store.tags():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)


def test_ffmpeg(store: ndsharray.Store, tmp_path: Path) -> None:
    need("ffmpeg", "ffprobe")
    source = start(FFMPEG_IN, tmp_path)
    try:
        wait_for("cam", store, source)
        value = store.reader("cam").wait(WATCHDOG)
        assert value is not None and value.shape == (480, 640, 3) and value.array.std() > 0
        ended(start(FFMPEG_OUT, tmp_path))
        ended(source)
    finally:
        source.kill()
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames", "-of", "csv=p=0", "out.mp4"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    width, height, frames = map(int, shown.stdout.strip().split(","))
    assert (width, height) == (640, 480) and frames >= 60


def test_gstreamer_into_a_tag(store: ndsharray.Store, tmp_path: Path) -> None:
    need_gstreamer()
    ended(start(GSTREAMER_IN, tmp_path))
    value = store.reader("gst").latest()
    assert value.version == 60 and value.shape == (480, 640, 3) and value.array.std() > 0


def test_a_tag_into_gstreamer(store: ndsharray.Store, tmp_path: Path) -> None:
    need_gstreamer()
    need("ffmpeg")
    source = start(FFMPEG_IN, tmp_path)
    try:
        wait_for("cam", store, source)
        ended(start(GSTREAMER_OUT, tmp_path))
        ended(source)
    finally:
        source.kill()
    assert (tmp_path / "out.yuv").stat().st_size == 30 * 640 * 480 * 3 // 2


def test_the_programs_for_ros_are_python() -> None:
    programs = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(programs) == 2
    for program in programs:
        compile(program, "docs/recipes.md", "exec")


def test_each_recipe_is_run() -> None:
    assert set(RECIPES) == {FFMPEG_IN, FFMPEG_OUT, GSTREAMER_IN, GSTREAMER_OUT}
    assert len(RECIPES) == len(re.findall(r"^```sh$", PAGE, re.MULTILINE))
