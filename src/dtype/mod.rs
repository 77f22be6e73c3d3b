//! Element types: numpy's names, known at compile time ([`Element`](element::Element)) or at run time ([`DType`]).

pub(crate) mod custom;
pub(crate) mod descr;
pub(crate) mod element;
pub(crate) mod literal;
pub(crate) mod scalar;
mod text;
pub(crate) mod types;

pub use self::types::DType;
