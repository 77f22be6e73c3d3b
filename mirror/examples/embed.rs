//! A mirror inside of a program: two stores of this host, as if they were of two. Prints what arrives.
//!
//! `cargo run --example embed`

use std::time::Duration;

use ndsharray::Store;
use ndsharray_mirror::{Offer, SessionOptions, Take};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (robot, desk) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (robot, desk) = (Store::open(robot.path())?, Store::open(desk.path())?);
    let endpoint = "tcp/127.0.0.1:17447";

    // The host that has the tag. Nobody takes large messages here.
    let session = SessionOptions::new().listen(endpoint).open()?;
    let offering = Offer::new(robot.clone()).tags("pose").host("robot").start(&session)?;
    let mut pose = robot.writer("pose")?;
    pose.write_slice(&[1.0, 2.0, 3.0], &[3])?;

    // The host that takes it.
    let session = SessionOptions::new().connect(endpoint).open()?;
    let taking = Take::new(desk.clone()).tags("*").prefix("robot.").start(&session)?;

    let mut reader = desk.reader_options("robot.pose").wait(Duration::from_secs(10)).open()?;
    for round in 0..3 {
        pose.write_slice(&[f64::from(round); 3], &[3])?;
        let value = reader.wait(Duration::from_secs(10))?;
        let Some(value) = value else { return Err("nothing arrives".into()) };
        println!("{:?} from {}", value.as_slice::<f64>()?, desk.stat("robot.pose")?.source);
    }
    println!("{} values sent, {} tags taken", offering.status().values, taking.status().tags.len());
    Ok(())
}
