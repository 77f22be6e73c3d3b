#!/usr/bin/env python3
"""Makes the source of the book of the documentation, and checks links: `book.py links`, `book.py source DIR`, `book.py html DIR`.

The pages stand in docs/ and in the READMEs beside the code, with links that work where people browse the sources. A book needs them in one
directory: `source` copies what docs/SUMMARY.md lists there, and mends the links.
"""

import html.parser
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "docs" / "SUMMARY.md"
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\(([^()\s]+)\)")
FENCE = re.compile(r"^(```+|~~~+).*?^\1 *$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(`+)(?:(?!\1).)+?\1", re.DOTALL)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text, with what is not in a block of code changed. Spans of code within a line never hold a link of ours."""
    parts, last = [], 0
    for block in FENCE.finditer(text):
        parts += [change(text[last : block.start()]), block.group()]
        last = block.end()
    return "".join([*parts, change(text[last:])])


def is_elsewhere(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is not None


def anchors(text: str) -> set[str]:
    """The names of the headings of a page, as GitHub and mdBook make them."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def links(text: str) -> Iterator[str]:
    found: list[str] = []

    def note(part: str) -> str:
        found.extend(match[2] for match in LINK.finditer(INLINE.sub(lambda span: "`" * len(span.group()), part)))
        return part

    outside_code(text, note)
    return iter(found)


def check_links() -> int:
    """All pages of the project: files that are not there, headings that are not there."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    pages = [ROOT / name for name in listed if name and "/vendor/" not in name and (ROOT / name).exists()]
    broken, checked = [], 0
    for page in pages:
        for target in links(page.read_text()):
            if is_elsewhere(target):
                continue
            checked += 1
            name, _, anchor = unquote(target).partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}: no such file")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
                broken.append(f"{page.relative_to(ROOT)}: {target}: no such heading")
    print("\n".join([*broken, f"{checked} links in {len(pages)} pages, {len(broken)} broken"]))
    return 1 if broken else 0


def name_in_book(page: Path) -> str:
    """docs/c.md stays c.md; python/README.md is python.md; README.md is introduction.md."""
    if page.parent == ROOT / "docs":
        return page.name
    if page.name == "README.md":
        return "introduction.md" if page.parent == ROOT else f"{page.parent.name}.md"
    return page.name.lower()


def source(directory: Path) -> int:
    pages = {(SUMMARY.parent / target).resolve() for target in links(SUMMARY.read_text())} | {SUMMARY}
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "src").mkdir(parents=True)
    for name in ("book.toml", "book.css"):
        shutil.copy(ROOT / "docs" / name, directory)
    for page in pages:

        def mended(match: "re.Match[str]", page: Path = page) -> str:
            label, target = match[1], match[2]
            if is_elsewhere(target) or target.startswith("#"):
                return match[0]
            name, mark, anchor = unquote(target).partition("#")
            file = (page.parent / name).resolve()
            if file == SUMMARY:  # The book has it at its side.
                return label[1:-1]
            if file in pages:
                return f"{label}({name_in_book(file)}{mark}{anchor})"
            if not file.is_file():
                return label[1:-1]
            # A picture, or a file of the sources that the page is about.
            inside = file.relative_to(ROOT / "docs") if (ROOT / "docs") in file.parents else "files" / file.relative_to(ROOT)
            if file.suffix == ".md":  # mdBook would make a page of it that nothing lists.
                inside = inside.with_suffix(".md.txt")
            copy = directory / "src" / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
            return f"{label}({inside})"

        text = outside_code(page.read_text(), lambda part, mended=mended: LINK.sub(mended, part))  # type: ignore[misc]
        (directory / "src" / name_in_book(page)).write_text(text)
    print(f"{len(pages) - 1} pages in {directory}")
    return 0


class Page(html.parser.HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        of = dict(attributes)
        if of.get("id"):
            self.ids.add(str(of["id"]))
        link = of.get("href") if tag == "a" else of.get("src") if tag in ("img", "script") else None
        if link:
            self.links.append(link)


def check_html(directory: Path) -> int:
    """The book as it was built: what it refers to must be in it."""
    # print.html has all pages once more, and 404.html is for servers.
    pages = {path.resolve(): Page(path) for path in directory.rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")}
    broken, checked = [], 0
    for path, page in pages.items():
        for link in page.links:
            if is_elsewhere(link) or link.startswith("//"):
                continue
            checked += 1
            name, _, anchor = unquote(link).partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or (anchor and file in pages and anchor not in pages[file].ids):
                broken.append(f"{path.name}: {link}")
    print("\n".join([*broken, f"{checked} links in {len(pages)} pages of the book, {len(broken)} broken"]))
    return 1 if broken or not pages else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["links"]:
            sys.exit(check_links())
        case ["source", to]:
            sys.exit(source(Path(to).resolve()))
        case ["html", of]:
            sys.exit(check_html(Path(of).resolve()))
        case _:
            sys.exit(__doc__)
