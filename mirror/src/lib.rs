//! The same tags of ndsharray on another host.
//!
//! An [`Offer`] lets other hosts have tags of a store; a [`Take`] writes them to a store there. Values travel over
//! [Zenoh](https://zenoh.io). The receiver asks for the next value when it has the last: a slow connection skips values instead of
//! falling behind, and neither the writer nor any other receiver waits for it.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ndsharray::Store;
//! use ndsharray_mirror::{Offer, SessionOptions, Take};
//!
//! // On the robot:
//! let session = SessionOptions::new().listen("tcp/0.0.0.0:7447").open()?;
//! let offering = Offer::new(Store::open_default()?).tags("cam*").start(&session)?;
//!
//! // On the desk:
//! let session = SessionOptions::new().connect("tcp/robot:7447").open()?;
//! let taking = Take::new(Store::open_default()?).tags("cam*").prefix("robot.").start(&session)?;
//! # Ok(())
//! # }
//! ```

mod endpoint;
mod error;
mod offer;
mod patterns;
mod runtime;
mod session;
mod source;
mod status;
mod take;
mod text;
mod wire;

pub use crate::error::{Error, Result};
pub use crate::offer::{Offer, Offering};
pub use crate::session::SessionOptions;
pub use crate::status::{OfferedStatus, Receiver, STATUS_TAG, TakenStatus, TakenTag};
pub use crate::take::{Take, Taking};
/// The crate of [`Session`](zenoh::Session), as it appears in this crate's interface.
pub use zenoh;
