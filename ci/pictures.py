#!/usr/bin/env python3
"""Makes the pictures of `ndsharray top` in docs/pictures anew, from a real terminal (needs tmux, nothing else):

    cargo build --release -p ndsharray-cli --bin ndsharray --example scene && ci/pictures.py
"""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
WIDE, HIGH = 9, 18  # A cell in pixels.
TEXT, BACK = "#d6d6d6", "#15171c"
NAMED = ["#15171c", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d6d6d6"]
NAMED += ["#6b7280", "#ff8a92", "#b3e08e", "#ffd98a", "#8cc8ff", "#e29bf7", "#7fd8e4", "#ffffff"]


def cells(text):
    """The cells of one captured line: character, foreground, background, bold. tmux carries colours across lines."""
    style = {"fg": None, "bg": None, "bold": False, "reverse": False}
    for line in text.split("\n"):
        row = []
        for code, character in re.findall(r"\x1b\[([\d;]*)m|(.)", line):
            if character:
                fg, bg = style["fg"] or TEXT, style["bg"] or BACK
                row.append((character, *((bg, fg) if style["reverse"] else (fg, bg)), style["bold"]))
            else:
                apply(style, [int(part or 0) for part in code.split(";")])
        yield row


def apply(style, codes):
    while codes:
        code = codes.pop(0)
        if code == 0:
            style.update(fg=None, bg=None, bold=False, reverse=False)
        elif code in (1, 7):
            style["bold" if code == 1 else "reverse"] = True
        elif code in (38, 48):
            which = "fg" if code == 38 else "bg"
            if codes.pop(0) == 2:
                style[which] = "#%02x%02x%02x" % tuple(codes[:3])
                del codes[:3]
            else:  # Only the first 16 of the 256.
                style[which] = NAMED[codes.pop(0)]
        elif code in (39, 49):
            style["fg" if code == 39 else "bg"] = None
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style["fg"] = NAMED[code - 30 if code < 40 else code - 82]


def shapes(character):
    """Where a block, a line or braille dots are, in parts of the cell: drawn, as fonts leave gaps between them."""
    if character in "▁▂▃▄▅▆▇█":
        part = ("▁▂▃▄▅▆▇█".index(character) + 1) / 8
        return [(0, 1 - part, 1, part)]
    if 0x2800 <= ord(character) < 0x2900:
        places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
        dots = [place for bit, place in enumerate(places) if ord(character) >> bit & 1]
        return [(0.15 + 0.5 * x, 0.06 + 0.25 * y, 0.3, 0.15) for x, y in dots]
    lines = {"─": [(0, 0.47, 1, 0.06)], "│": [(0.45, 0, 0.1, 1)], "└": [(0.45, 0, 0.1, 0.5), (0.45, 0.47, 0.55, 0.06)]}
    return {"▀": [(0, 0, 1, 0.5)], "■": [(0.1, 0.3, 0.8, 0.4)], **lines}.get(character)


def svg(text, columns, rows):
    # Areas by colour, a path for each; what is in front comes after all that is behind.
    behind, front, words = {}, {}, []

    def fill(areas, colour, x, y, wide, high):
        areas.setdefault(colour, []).append("M%g %gh%gv%gh%gz" % (x, y, wide, high, -wide))

    for y, row in enumerate(cells(text)):
        for x, (character, fg, bg, bold) in enumerate(row):
            if bg != BACK:
                fill(behind, bg, x * WIDE, y * HIGH, WIDE, HIGH)
            drawn = shapes(character)
            for left, top, wide, high in drawn or []:
                at = (round((x + left) * WIDE, 1), round((y + top) * HIGH, 1))
                fill(front, fg, *at, round(wide * WIDE, 1), round(high * HIGH, 1))
            if drawn is not None or character == " ":
                continue
            before = words[-1] if words else None
            if before and before[1:] == (y, fg, bold) and before[0][0] + len(before[0][1]) == x:
                before[0][1] += character
            else:
                words.append(([x, character], y, fg, bold))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -10 {columns * WIDE + 24} {rows * HIGH + 20}"']
    out.append(' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14.5">\n')
    out.append(f'<rect x="-12" y="-10" width="100%" height="100%" rx="8" fill="{BACK}"/>\n')
    out.append('<g shape-rendering="crispEdges">\n')
    for areas in (behind, front):
        out += [f'<path fill="{colour}" d="{"".join(parts)}"/>\n' for colour, parts in areas.items()]
    out.append("</g>\n")
    for (x, word), y, fg, bold in words:
        weight = ' font-weight="bold"' if bold else ""
        at = f'x="{x * WIDE}" y="{y * HIGH + 14}" textLength="{len(word) * WIDE}"'
        out.append(f'<text {at} fill="{fg}"{weight}>{escape(word)}</text>\n')
    return "".join(out) + "</svg>\n"


def main():
    release = ROOT / "target" / "release"
    # Its path is in the pictures.
    store = Path("/dev/shm/robot")
    store.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        tmux = ["tmux", "-u", "-f", "/dev/null", "-S", scratch + "/tmux"]
        run = lambda *arguments: subprocess.run([*tmux, *arguments], check=True, capture_output=True, text=True).stdout
        scene = subprocess.Popen([release / "examples" / "scene", store], stdin=subprocess.PIPE)
        try:
            os.environ["COLORTERM"] = "truecolor"
            for name, columns, rows, arguments, seconds in [
                ("top-list", 140, 10, "", 18),
                ("top-image", 110, 38, "camera", 8),
            ]:
                command = f"{release}/ndsharray top {arguments} --dir {store}"
                run("new-session", "-d", "-s", name, "-x", str(columns), "-y", str(rows), command)
                time.sleep(seconds)  # For the bars to fill.
                text = run("capture-pane", "-p", "-e", "-t", name)
                run("kill-session", "-t", name)
                (ROOT / "docs" / "pictures" / f"{name}.svg").write_text(svg(text.rstrip("\n"), columns, rows))
        finally:
            subprocess.run([*tmux, "kill-server"], stderr=subprocess.DEVNULL)
            scene.stdin.close()
            scene.wait()
            store.rmdir()


if __name__ == "__main__":
    main()
