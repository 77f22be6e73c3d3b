//! Which value of a tag it is, without the value.

use std::fmt;
use std::str::FromStr;

use crate::sys::file::FileId;

/// Which value of a tag it is, without the value: for those whose copies outlive their snapshots, such as language bindings.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueId {
    version: u64,
    /// Where the count of its version began.
    origin: u64,
    /// The header that had it: one that was put back from a copy may have another value of the same version.
    header: FileId,
}

impl ValueId {
    #[inline(always)]
    pub(crate) fn new(version: u64, origin: u64, header: FileId) -> Self {
        ValueId { version, origin, header }
    }

    pub fn version(self) -> u64 {
        self.version
    }

    /// Where the count of its version began: versions of one origin are in one order.
    pub fn origin(self) -> u64 {
        self.origin
    }
}

impl fmt::Display for ValueId {
    /// Four numbers, for those who keep it outside of this process.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, inode) = self.header.parts();
        write!(f, "{:x}-{:x}-{device:x}-{inode:x}", self.version, self.origin)
    }
}

impl FromStr for ValueId {
    type Err = ();

    /// What it shows itself as.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16).map_err(|_| ()));
        let mut number = || parts.next().ok_or(())?;
        let (version, origin) = (number()?, number()?);
        let header = FileId::from_parts(number()?, number()?);
        if parts.next().is_some() { Err(()) } else { Ok(ValueId { version, origin, header }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_stands_for_it() {
        let id = ValueId::new(7, u64::MAX, FileId::from_parts(1, 2));
        assert_eq!(id.to_string(), "7-ffffffffffffffff-1-2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "7", "7-0-1", "7-0-1-2-3", "7-0-1-", "7-0-1-x", "7-0-1-10000000000000000"] {
            assert_eq!(text.parse::<ValueId>(), Err(()), "{text}");
        }
    }
}
