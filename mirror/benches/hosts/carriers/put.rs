//! Zenoh's put: each value is published as it comes, and what does not fit is dropped, or blocks the publisher.

use std::time::{Duration, Instant};

use ndsharray::{Store, UnixTime};
use zenoh::Wait;
use zenoh::qos::CongestionControl;

use crate::Result;
use crate::load::Load;
use crate::watch::{Ages, check};

pub const PORT: u16 = 7501;

fn open(key: &str, endpoint: &str) -> Result<zenoh::Session> {
    let mut config = zenoh::Config::default();
    config.insert_json5("scouting/multicast/enabled", "false")?;
    config.insert_json5("listen/endpoints", "[]")?;
    config.insert_json5(key, &format!("[\"{endpoint}\"]"))?;
    zenoh::open(config).wait()
}

/// `how`: `drop` or `block`.
pub fn publish(how: &str, dir: &str, load: &str) -> Result<()> {
    let load = Load::named(load)?;
    let congestion = if how == "block" { CongestionControl::Block } else { CongestionControl::Drop };
    let session = open("listen/endpoints", &format!("tcp/0.0.0.0:{PORT}"))?;
    let store = Store::open(dir)?;
    let publish = |tag: String| {
        let (session, store) = (session.clone(), store.clone());
        std::thread::spawn(move || -> Result<()> {
            let publisher = session.declare_publisher(format!("bench/{tag}"));
            let publisher = publisher.congestion_control(congestion).wait()?;
            let mut reader = store.reader_options(&tag).wait(Duration::from_secs(10)).open()?;
            loop {
                let Some(value) = reader.wait(None)? else { continue };
                let mut message = value.written_at().as_nanos().to_le_bytes().to_vec();
                message.extend_from_slice(value.bytes());
                drop(value);
                publisher.put(message).wait()?;
            }
        })
    };
    let threads: Vec<_> = load.tags().map(publish).collect();
    for thread in threads {
        thread.join().map_err(|_| "a publisher panicked")??;
    }
    Ok(())
}

pub fn subscribe(address: &str, load: &str, seconds: f64) -> Result<()> {
    let load = Load::named(load)?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let session = open("connect/endpoints", &format!("tcp/{address}:{PORT}"))?;
    let subscriber = session.declare_subscriber("bench/*").wait()?;
    let mut ages = Ages::default();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let Ok(Some(sample)) = subscriber.recv_timeout(left) else { break };
        // One copy, as into the memory of a store.
        let message = sample.payload().to_bytes().into_owned();
        check(&message[8..])?;
        ages.add(UnixTime::from(u64::from_le_bytes(message[..8].try_into()?)));
        if left.is_zero() {
            break;
        }
    }
    ages.tell(load.tags);
    Ok(())
}
