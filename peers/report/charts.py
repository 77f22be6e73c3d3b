"""The charts of docs/performance.md: cost against size, and against the number of readers."""

import pathlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "ndsharray"
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of backend)

Medians = dict[tuple[str, str, int], float]


def draw(medians: Medians, directory: pathlib.Path) -> None:
    against_size(medians, "unchanged", directory / "reading.svg", "a read of a value that stays")
    against_size(medians, "new", directory / "new.svg", "a read of a new value")
    against_size(medians, "large write", directory / "writing.svg", "a write", leave_out=("+ 1", "+ 8", "+ 32"))
    against_size(medians, "python write", directory / "python_write.svg", "Python: a write")
    against_size(medians, "python read", directory / "python_read.svg", "Python: a read of a new value")
    against_readers(medians, directory / "readers.svg")


def against_size(
    medians: Medians, topic: str, path: pathlib.Path, title: str, leave_out: tuple[str, ...] = ()
) -> None:
    lines: dict[str, list[tuple[int, float]]] = {}
    for (found, case, size), median in medians.items():
        if found == topic and not case.endswith(leave_out or ("\0",)):
            lines.setdefault(case.removesuffix(", source + 0"), []).append((size, median))
    if not lines:
        return
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for case, points in lines.items():
        ours = case.startswith(("ndsharray view", "ndsharray write", "ndsharray latest", "ndsharray read")) or case == "ndsharray"
        width, style = (2.5, "-") if ours else (1.2, "--" if "cop" in case and "iceoryx2" not in case else "-")
        axes.plot(*zip(*sorted(points), strict=True), marker="o", markersize=4, linewidth=width, linestyle=style, label=case)
    axes.set(xscale="log", yscale="log", xlabel="bytes", ylabel="ns", title=title)
    finish(figure, axes, path)


def against_readers(medians: Medians, path: pathlib.Path) -> None:
    sizes = sorted({size for topic, _, size in medians if topic == "readers"})
    if not sizes:
        return
    figure, all_axes = plt.subplots(1, len(sizes), figsize=(8, 4.5), squeeze=False)
    for axes, size in zip(all_axes[0], sizes, strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        for (topic, case, found), median in medians.items():
            if topic == "readers" and found == size:
                name, _, count = case.removesuffix(" readers").rpartition(", ")
                lines.setdefault(name, []).append((int(count), median))
        for name, points in lines.items():
            width = 2.5 if name == "ndsharray" else 1.2
            axes.plot(*zip(*sorted(points), strict=True), marker="o", markersize=4, linewidth=width, label=name)
        axes.set(yscale="log", xlabel="readers", ylabel="writes per second", title=f"{size} bytes")
    finish(figure, all_axes[0][-1], path)


def finish(figure: plt.Figure, axes: plt.Axes, path: pathlib.Path) -> None:
    axes.legend(fontsize=8)
    for each in figure.axes:
        each.grid(visible=True, which="major", alpha=0.3)
    figure.tight_layout()
    # No date: the same figures give the same file.
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
