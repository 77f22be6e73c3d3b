//! Computes an image in the memory that readers will see it in, and publishes it: no copy is made.
//!
//!     cargo run --release --example loan
//!
//! It uses a tag of its own, in NDSHARRAY_DIR or /dev/shm, and removes it at the end.

use std::process::ExitCode;

use ndsharray::{Meta, Store};

fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: loan, without arguments");
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loan: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    // Ctrl-C waits for the end, which is milliseconds away: the tag is removed then.
    ctrlc::set_handler(|| {})?;
    let store = Store::open_default()?;
    let tag = format!("loan-example-{}", std::process::id());
    let mut writer = store.writer_options(&tag).ephemeral(true).open()?;
    let mut reader = store.reader(&tag)?;

    for frame in 0..3_u8 {
        // The elements are those of an earlier value, or zero: fill all of them.
        let mut loan = writer.loan::<f32>(&[480, 640])?;
        for (row, y) in loan.as_mut_slice().chunks_exact_mut(640).zip(0_u16..) {
            row.fill(f32::from(frame) + f32::from(y) / 480.0);
        }
        loan.set_meta(Meta::new().user_data([frame])?);
        loan.publish()?;

        if let Some(image) = reader.read()? {
            let mean = image.as_array::<f32>()?.mean().unwrap_or_default();
            println!("frame {:?}: {} {:?}, mean {mean:.3}", image.user_data(), image.dtype(), image.shape());
        }
    }

    // A loan that is dropped did not happen: the last value is still frame 2.
    let mut loan = writer.loan::<f32>(&[480, 640])?;
    loan.as_mut_slice().fill(-1.0);
    drop(loan);
    println!("after a loan that was dropped: frame {:?}", reader.latest()?.user_data());
    Ok(())
}
