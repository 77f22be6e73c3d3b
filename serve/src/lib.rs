//! The arrays of an ndsharray store over HTTP.

mod access;
mod connections;
mod error;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod options;
mod page;
mod refusal;
mod routes;
mod server;
mod shown;
mod socket;
mod value;
mod view;
mod waiting;
mod work;

pub use crate::error::{Error, Result};
pub use crate::options::ServeOptions;
pub use crate::server::Server;
