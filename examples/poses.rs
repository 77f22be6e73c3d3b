//! Structs as elements: answers each value of `poses` with the same poses, moved by a metre, in `poses.moved`.
//!
//! The other side may be this library or Python, where a pose is a record of a structured dtype: see "Records" in
//! docs/guide.md.

use std::time::Duration;

use ndsharray::{Element, Error, Store};

#[derive(Clone, Copy, Debug, Element)]
#[repr(C)]
struct Pose {
    stamp: u64,
    position: [f32; 3],
    valid: bool,
}

fn main() -> ndsharray::Result<()> {
    let store = Store::open_default()?;
    let mut writer = store.writer_options("poses.moved").ephemeral(true).open()?;
    let mut reader = loop {
        match store.reader("poses") {
            Err(Error::NotFound { .. }) => std::thread::sleep(Duration::from_millis(50)),
            other => break other?,
        }
    };
    while let Some(value) = reader.wait(Duration::from_secs(5))? {
        let poses = value.as_slice::<Pose>()?; // Error::DTypeMismatch names the first field that differs
        let moved = |pose: &Pose| {
            let [x, y, z] = pose.position;
            Pose { position: [x + 1.0, y, z], ..*pose }
        };
        let moved: Vec<Pose> = poses.iter().map(moved).collect();
        writer.write_slice(&moved, value.shape())?;
    }
    Ok(())
}
