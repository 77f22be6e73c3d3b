//! The arguments of the program.

use std::path::PathBuf;
use std::str::FromStr;

/// The same tags on another host
///
/// On the host that has them: ndsharray mirror --offer 'cam*' --listen tcp/0.0.0.0:7447
/// On the other: ndsharray mirror --take 'cam*' --connect tcp/robot:7447
#[derive(Debug, clap::Parser)]
#[command(name = "ndsharray mirror", bin_name = "ndsharray mirror", version, verbatim_doc_comment)]
pub struct Args {
    /// The store: a directory. Default: what NDSHARRAY_DIR names, else /dev/shm
    #[arg(long, global = true, value_hint = clap::ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub mirror: Mirror,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what the mirrors of this store do
    Status(Status),
}

#[derive(Debug, clap::Args)]
pub struct Status {
    /// As JSON: an object for each mirror, one a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct Mirror {
    /// Let other hosts take the tags that fit this pattern
    #[arg(long, value_name = "PATTERN")]
    pub offer: Vec<String>,
    /// Take the tags that fit this pattern from other hosts
    #[arg(long, value_name = "PATTERN")]
    pub take: Vec<String>,
    /// Listen for other mirrors here, such as tcp/0.0.0.0:7447 or tls/0.0.0.0:7447
    #[arg(long, value_name = "ENDPOINT")]
    pub listen: Vec<String>,
    /// Connect to a mirror or a Zenoh router there, such as tcp/robot:7447; tried again until somebody is there
    #[arg(long, value_name = "ENDPOINT")]
    pub connect: Vec<String>,
    /// Look for other mirrors in the local network, by multicast
    #[arg(long)]
    pub scout: bool,
    /// Put this before the names of tags that are taken
    #[arg(long, default_value = "", hide_default_value = true, requires = "take")]
    pub prefix: String,
    /// Keep tags that are taken when their writers go or the connection is lost
    #[arg(long, requires = "take")]
    pub keep: bool,
    /// Take each value of the tags that fit this pattern, as far as the source's history holds them; others skip to the latest
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "*", requires = "take")]
    pub every: Vec<String>,
    /// Take at most so many values per second of the tags that fit, such as 'cam*=10'
    #[arg(long, value_name = "PATTERN=HZ", requires = "take")]
    pub max_rate: Vec<Rate>,
    /// The largest value that is taken
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    pub max_size: Size,
    /// The most tags that are taken
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub max_tags: usize,
    /// The most that the values of all tags that are taken may use
    #[arg(long, value_name = "SIZE", default_value = "8G")]
    pub max_total: Size,
    /// The name of this host in the sources of the tags that it offers. Default: the host name
    #[arg(long)]
    pub name: Option<String>,
    /// A configuration file of Zenoh, for TLS and all else
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub zenoh_config: Option<PathBuf>,
}

impl Mirror {
    /// Whether it is said how; a configuration file may say so, too.
    pub fn reaches_others(&self) -> bool {
        !self.listen.is_empty() || !self.connect.is_empty() || self.scout || self.zenoh_config.is_some()
    }
}

/// A number of bytes, with K, M or G for powers of 1024.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, unit) = match text.strip_suffix(['K', 'M', 'G']) {
            Some(digits) => (digits, 1 << (10 * (1 + "KMG".find(&text[digits.len()..]).unwrap_or(0)))),
            None => (text, 1),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        bytes
            .map(Size)
            .ok_or_else(|| "expected a number of bytes, such as 500000, 64K, 256M or 8G".to_owned())
    }
}

/// The most values per second of the tags that fit a pattern.
#[derive(Clone, Debug)]
pub struct Rate {
    pub pattern: String,
    pub most: f64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split =
            text.rsplit_once('=').and_then(|(pattern, most)| Some((pattern, most.parse::<f64>().ok()?)));
        let rate = split.filter(|(_, most)| most.is_finite() && *most > 0.0);
        rate.map(|(pattern, most)| Rate { pattern: pattern.to_owned(), most })
            .ok_or_else(|| "expected a pattern and values per second, such as 'cam*=10'".to_owned())
    }
}
