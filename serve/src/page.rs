//! The page: its files, which are part of the program.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;

/// What the page may do: run its own scripts and ask this server. Nothing else may show it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri \
                      'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";
const BYTES: &str = "application/octet-stream";

/// A file: its name, what it is, and its bytes.
type File = (&'static str, &'static str, &'static [u8]);

macro_rules! files {
    ($($name:literal: $kind:ident = $path:literal),* $(,)?) => {
        [$(($name, $kind, include_bytes!($path).as_slice())),*]
    };
}

const FILES: &[File] = &files! {
    "style.css": STYLE = "../page/style.css",
    "icon.svg": ICON = "../page/icon.svg",
    "uplot.js": SCRIPT = "../vendor/uplot/uplot.js",
    "uplot.css": STYLE = "../vendor/uplot/uplot.css",
    "viridis.bin": BYTES = "../vendor/maps/viridis.bin",
    "turbo.bin": BYTES = "../vendor/maps/turbo.bin",
    "axes.js": SCRIPT = "../page/axes.js",
    "details.js": SCRIPT = "../page/details.js",
    "envelope.js": SCRIPT = "../page/envelope.js",
    "figures.js": SCRIPT = "../page/figures.js",
    "fresh.js": SCRIPT = "../page/fresh.js",
    "pause.js": SCRIPT = "../page/pause.js",
    "plot_line.js": SCRIPT = "../page/plot_line.js",
    "plot_time.js": SCRIPT = "../page/plot_time.js",
    "projection.js": SCRIPT = "../page/projection.js",
    "dom.js": SCRIPT = "../page/dom.js",
    "element.js": SCRIPT = "../page/element.js",
    "histogram.js": SCRIPT = "../page/histogram.js",
    "image.js": SCRIPT = "../page/image.js",
    "kinds.js": SCRIPT = "../page/kinds.js",
    "keys.js": SCRIPT = "../page/keys.js",
    "levels.js": SCRIPT = "../page/levels.js",
    "link.js": SCRIPT = "../page/link.js",
    "list.js": SCRIPT = "../page/list.js",
    "main.js": SCRIPT = "../page/main.js",
    "maps.js": SCRIPT = "../page/maps.js",
    "message.js": SCRIPT = "../page/message.js",
    "paint.js": SCRIPT = "../page/paint.js",
    "plot.js": SCRIPT = "../page/plot.js",
    "range.js": SCRIPT = "../page/range.js",
    "scatter.js": SCRIPT = "../page/scatter.js",
    "settings.js": SCRIPT = "../page/settings.js",
    "show_image.js": SCRIPT = "../page/show_image.js",
    "socket.js": SCRIPT = "../page/socket.js",
    "table.js": SCRIPT = "../page/table.js",
    "tag.js": SCRIPT = "../page/tag.js",
    "tags.js": SCRIPT = "../page/tags.js",
    "text.js": SCRIPT = "../page/text.js",
    "theme.js": SCRIPT = "../page/theme.js",
    "thumb.js": SCRIPT = "../page/thumb.js",
};

/// `/`: the page.
pub(crate) async fn index() -> Response {
    answer(HTML, include_bytes!("../page/index.html"))
}

/// What a browser gets that does not know the token: a page that says what to do. `in_address`: its address has another token.
pub(crate) fn stranger(in_address: bool) -> Response {
    answer(
        HTML,
        if in_address {
            include_bytes!("../page/wrong_token.html")
        } else {
            include_bytes!("../page/no_token.html")
        },
    )
}

/// `/page/NAME`: a file of the page.
pub(crate) async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let Path(name) = name.map_err(|found| Refusal::new(found.status(), found.body_text()))?;
    let found = FILES.iter().find(|(of, ..)| *of == name);
    let missing = || Refusal::new(StatusCode::NOT_FOUND, format!("the page has no file {name:?}"));
    found.map(|&(_, kind, bytes)| answer(kind, bytes)).ok_or_else(missing)
}

fn answer(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)], bytes).into_response()
}
