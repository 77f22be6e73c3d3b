"""Writes arrays such as a robot has, for pictures of the page and for looking at it: `python scene.py DIRECTORY SECONDS`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import ndsharray

POSE = np.dtype([("time", "<M8[us]"), ("id", "<u8"), ("position", "<f4", (3,)), ("speed", ">f8"), ("valid", "?"), ("label", "S12")])


def picture(height: int, width: int, turn: float) -> np.ndarray:
    """A landscape of waves, from 0 to 1."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : width / height : width * 1j].astype(np.float32)
    waves = np.sin(9 * x + turn) * np.cos(7 * y - turn / 2) + 0.6 * np.sin(17 * (x * y) + turn)
    spot = np.exp(-40 * ((x - 0.9 - 0.3 * np.cos(turn)) ** 2 + (y - 0.5 - 0.2 * np.sin(turn)) ** 2))
    return np.clip(0.45 + 0.2 * waves + 0.5 * spot, 0, 1)


def colours(height: int, width: int, turn: float) -> np.ndarray:
    parts = [picture(height, width, turn + shift) for shift in (0, 1.1, 2.3)]
    return (255 * np.stack(parts, axis=-1)).astype(np.uint8)


def holes(turn: float) -> np.ndarray:
    found = 0.4 + 4 * picture(240, 320, turn)
    found[60:90, 200:260] = np.nan
    found[150:160, 40:90] = np.inf
    return found


def poses(turn: float) -> np.ndarray:
    out = np.zeros(40, POSE)
    now = np.datetime64(int(time.time() * 1e6), "us")
    out["time"] = now - np.arange(40) * np.timedelta64(20, "ms")
    out["id"] = 2**60 + np.arange(40)
    out["position"] = np.stack([np.cos(turn + np.arange(40) / 9), np.sin(turn + np.arange(40) / 9), np.arange(40) / 40], axis=1)
    out["speed"] = 1 + 0.1 * np.sin(turn + np.arange(40))
    out["valid"] = np.arange(40) % 7 != 0
    out["label"] = np.where(np.arange(40) % 3 == 0, b"wheel", b"lidar")
    return out


def cloud(turn: float) -> np.ndarray:
    grid = np.random.default_rng(1).uniform(-3, 3, (20_000, 2)).astype(np.float32)
    far = np.hypot(*grid.T)
    return np.column_stack([grid, np.cos(2 * far - turn) * np.exp(-far / 3)]).astype(np.float32)


def signal(turn: float) -> np.ndarray:
    at = np.linspace(0, 60, 4096, dtype=np.float32)
    noise = np.random.default_rng(int(turn * 50)).normal(0, 0.04, 4096)
    return (np.exp(-((at - 20 - 5 * np.sin(turn)) ** 2) / 3) + 0.6 * np.exp(-((at - 41) ** 2) / 9) + noise).astype(np.float32)


Make = Callable[[float], Any]
SCENE: dict[str, tuple[float, Make, dict[str, Any]]] = {
    "camera-front": (15, lambda turn: colours(480, 640, turn), {"encoding": "rgb8", "exposure": 0.012, "frame": "front"}),
    "camera-left": (15, lambda turn: colours(240, 320, turn)[..., ::-1].copy(), {"encoding": "bgr8", "exposure": 0.02}),
    "camera-gray": (25, lambda turn: (255 * picture(480, 640, turn)).astype(np.uint8), {"encoding": "mono8", "gain": 4}),
    "depth": (10, holes, {"unit": "m", "frame": "front"}),
    "thermal": (5, lambda turn: (27000 + 4000 * picture(120, 160, turn)).astype(np.uint16), {"encoding": "mono16", "unit": "cK"}),
    "spectrum": (10, signal, {"unit": "V", "from": 400, "to": 900}),
    "stack": (1, lambda turn: np.stack([picture(96, 128, turn + layer / 5) for layer in range(64)]).astype(np.float32), {"axes": "zyx"}),
    "field": (5, lambda turn: np.fft.fftshift(np.fft.fft2(picture(128, 128, turn))).astype(np.complex64), {}),
    "imu": (50, lambda turn: np.array([np.sin(turn), np.cos(1.7 * turn), 9.81 + 0.1 * np.sin(5 * turn)], np.float32), {"unit": "m/s²"}),
    "battery": (2, lambda turn: np.float64(24.6 - 0.3 * np.sin(turn / 4)), {"unit": "V"}),
    "poses": (5, poses, {"frame": "map"}),
    "pose": (20, lambda turn: np.array([[np.cos(turn), -np.sin(turn), 0, 1.5], [np.sin(turn), np.cos(turn), 0, -0.2], [0, 0, 1, 0.4], [0, 0, 0, 1]]), {}),
    "lidar": (5, cloud, {"frame": "base"}),
    "path": (2, lambda turn: np.column_stack([np.cos(np.linspace(0, 5, 400) + turn), np.sin(2 * np.linspace(0, 5, 400))]).astype(np.float32), {}),
}


def write(store: ndsharray.Store, seconds: float) -> None:
    """Writes the scene for so long."""
    writers = {tag: store.writer(tag, source="robot-7" if tag == "lidar" else "") for tag in SCENE}
    store.writer("calibration").write(np.eye(3, 4), attrs={"from": "2026-03-01"})
    due = dict.fromkeys(SCENE, 0.0)
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        for tag, (rate, make, attrs) in SCENE.items():
            if now >= due[tag]:
                due[tag] = max(now, due[tag] + 1 / rate)
                writers[tag].write(make(now), attrs=attrs or None, acquired_at=time.time() - 0.004)
        time.sleep(0.004)


if __name__ == "__main__":
    write(ndsharray.Store(sys.argv[1]), float(sys.argv[2]))
