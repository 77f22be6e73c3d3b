"""A page of the server in a browser: how old values are when they come, and when they are drawn."""

import contextlib
import time
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

# So many seconds a browser may take to begin.
START = 8.0
WINDOW = {"width": 1400, "height": 900}

# The page asks for what comes after a value when it has drawn that, in a frame of the browser: what is called after the frame is called
# when it was painted. Times are those of the clock of the host, as the server has them.
LISTEN = """
(() => {
    const seconds = () => (performance.timeOrigin + performance.now()) / 1000;
    const come = new Map();
    window.drawn = [];
    class Watched extends WebSocket {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({ data }) => {
                if (typeof data === "string") return;
                const now = seconds();
                const length = new DataView(data).getUint32(0, true);
                const { cursor, value } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
                come.set(cursor, [value.written_at, now]);
            });
        }
        send(text) {
            super.send(text);
            const { after } = JSON.parse(text);
            if (!come.has(after)) return;
            const [written, came] = come.get(after);
            come.clear();
            const channel = new MessageChannel();
            channel.port1.onmessage = () => window.drawn.push([came - written, seconds() - written]);
            channel.port2.postMessage(null);
        }
    }
    window.WebSocket = Watched;
})()
"""


@contextlib.contextmanager
def opened(path: str, address: str) -> Iterator[Page]:
    """A page in a browser, once it draws."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport=WINDOW)
            page.add_init_script(LISTEN)
            page.goto(address)
            end = time.monotonic() + START
            while page.evaluate("drawn.length") < 3 and time.monotonic() < end:
                time.sleep(0.1)
            yield page
        finally:
            browser.close()


def measured(page: Page, seconds: float) -> list[tuple[float, float]]:
    """The ages of the values that are drawn in so many seconds: when they had come, and when they were drawn."""
    before = page.evaluate("drawn.length")
    time.sleep(seconds)
    found: list[tuple[float, float]] = page.evaluate("drawn")
    return found[before:]
