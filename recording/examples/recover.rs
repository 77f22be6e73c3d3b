//! Makes a complete recording from one that is cut or damaged.
//!
//!     cargo run --package ndsharray-recording --example recover -- cut.mcap whole.mcap

use std::process::ExitCode;

fn main() -> ExitCode {
    let [from, to] = match <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(paths) => paths,
        Err(_) => {
            eprintln!("recover: pass the recording, and the name of the new one");
            return ExitCode::FAILURE;
        }
    };
    match ndsharray_recording::recover(from, to) {
        Ok(recovered) => {
            for problem in &recovered.passed_over {
                eprintln!("passed over: {problem}");
            }
            println!("{} values, {} lost", recovered.values, recovered.lost);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("recover: {error}");
            ExitCode::FAILURE
        }
    }
}
