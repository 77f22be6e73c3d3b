//! How long tags are watched, to tell how often they change.

use std::time::Duration;

/// How long tags are watched.
#[derive(Debug, clap::Args)]
pub struct Look {
    /// How long to watch, to tell the rate of new values; 0: no rate
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200, value_parser = milliseconds, allow_negative_numbers = true)]
    look: u64,
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|millis| *millis <= 60_000);
    found.ok_or_else(|| "expected 0 to 60000 milliseconds".to_owned())
}

impl Look {
    /// The time between the two looks; `None` if there is only one.
    pub fn time(&self) -> Option<Duration> {
        (self.look > 0).then(|| Duration::from_millis(self.look))
    }
}
