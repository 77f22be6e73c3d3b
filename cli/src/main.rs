//! The command line of ndsharray.
mod top;
use std::process::ExitCode;
fn main() -> ExitCode {
    let mut tag = None;
    let mut dir = None;
    let mut interval = 0.5;
    let mut args = std::env::args().skip(2);
    while let Some(a) = args.next() {
        match &a[..] {
            "--dir" => dir = args.next(),
            "--interval" => interval = args.next().unwrap().parse().unwrap(),
            _ => tag = Some(a),
        }
    }
    let store = dir.map_or_else(ndsharray::Store::open_default, ndsharray::Store::open);
    let interval = std::time::Duration::from_secs_f64(interval);
    match store.map_err(top::Failure::from).and_then(|store| top::run(&store, tag.as_deref(), interval)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ndsharray: {error}");
            ExitCode::from(2)
        }
    }
}
