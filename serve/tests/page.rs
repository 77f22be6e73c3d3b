//! The page and its files, as a browser gets them.

mod server;

use std::collections::HashSet;

use server::Served;

/// What stands between quotes after `from` in a script, without `./`.
fn imports(script: &str) -> impl Iterator<Item = &str> {
    script.lines().filter(|line| line.starts_with("import") || line.starts_with('}')).filter_map(|line| {
        let (_, rest) = line.split_once(" from \"./")?;
        rest.split_once('"').map(|(name, _)| name)
    })
}

#[test]
fn every_file_that_the_page_needs_is_there() {
    let served = Served::new(|options| options);
    let page = served.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    let text = String::from_utf8(page.body).unwrap();
    let links = text.split('"').filter_map(|part| part.strip_prefix("/page/"));
    let mut open: Vec<String> = links.map(str::to_owned).collect();
    assert!(open.contains(&"main.js".to_owned()) && open.contains(&"style.css".to_owned()), "{open:?}");
    let mut seen = HashSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let answer = served.get(&format!("/page/{name}"));
        let kind = match name.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{name}");
        let text = String::from_utf8(answer.body).unwrap();
        open.extend(imports(&text).map(str::to_owned));
        // Vendored files name their authors' sites in comments.
        let own = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains("http://") && !own.contains("https://") || name.starts_with("uplot"), "{name}");
    }
    let scripts = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap();
    for map in ["viridis", "turbo"] {
        assert_eq!(served.get(&format!("/page/{map}.bin")).body.len(), 3 * 256, "{map}");
    }
    let missing: Vec<_> = scripts
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".html") && !seen.contains(name))
        .collect();
    assert!(missing.is_empty(), "nobody needs {missing:?}");
}

#[test]
fn there_are_no_other_files() {
    let served = Served::new(|options| options);
    for path in ["/page/none.js", "/page/", "/page/..%2FCargo.toml", "/page/index.html", "/page/a/b"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert_eq!(served.request("POST", "/", &[]).status, 405);
}
