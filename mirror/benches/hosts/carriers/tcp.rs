//! A bare TCP loop that asks for the next value: the least that can be done. A connection for each tag.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ndsharray::{Store, UnixTime};

use crate::Result;
use crate::load::Load;
use crate::watch::{Ages, check};

pub const PORT: u16 = 7500;

/// Answers each byte that comes with the latest value, once there is another one.
pub fn source(dir: &str, load: &str) -> Result<()> {
    let load = Load::named(load)?;
    let store = Store::open(dir)?;
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    for tag in load.tags() {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut reader = store.reader_options(&tag).wait(Duration::from_secs(10)).open()?;
        std::thread::spawn(move || -> Result<()> {
            let mut asked = [0];
            loop {
                stream.read_exact(&mut asked)?;
                let Some(value) = reader.wait(None)? else { continue };
                // A copy, so that a slow connection does not keep the value from the writer.
                let mut message = value.written_at().as_nanos().to_le_bytes().to_vec();
                message.extend_from_slice(value.bytes());
                drop(value);
                stream.write_all(&message)?;
            }
        });
    }
    loop {
        std::thread::park();
    }
}

pub fn sink(address: &str, load: &str, seconds: f64) -> Result<()> {
    let load = Load::named(load)?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let (sender, receiver) = std::sync::mpsc::channel();
    for _ in load.tags() {
        let mut stream = connect(address, end)?;
        stream.set_nodelay(true)?;
        let sender = sender.clone();
        std::thread::spawn(move || -> Result<()> {
            let mut message = vec![0; 8 + load.nbytes];
            loop {
                stream.write_all(&[1])?;
                stream.read_exact(&mut message)?;
                check(&message[8..])?;
                sender.send(u64::from_le_bytes(message[..8].try_into()?))?;
            }
        });
    }
    let mut ages = Ages::default();
    while let Ok(written_at) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
        ages.add(UnixTime::from(written_at));
        if Instant::now() >= end {
            break;
        }
    }
    ages.tell(load.tags);
    Ok(())
}

fn connect(address: &str, end: Instant) -> Result<TcpStream> {
    loop {
        match TcpStream::connect((address, PORT)) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() >= end => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
