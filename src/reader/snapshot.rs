//! Values as readers hold them: [`Snapshot`] owns what it needs, [`View`] borrows its reader.

use std::cell::Ref;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dtype::DType;
use crate::dtype::element::{self, Element};
#[cfg_attr(not(feature = "ndarray"), allow(unused_imports))] // The documentation names it.
use crate::error::Error;
use crate::error::Result;
use crate::format::attributes;
use crate::format::layout::Layout;
use crate::format::record::Stamp;
use crate::format::segment::Line;
use crate::reader::copy::Copied;
use crate::reader::value_id::ValueId;
use crate::shm::pinned::{Pinned, Source};
use crate::time::UnixTime;

/// Where the bytes are.
#[derive(Clone)]
pub(crate) enum Data {
    Pinned(Pinned<Arc<Source>>),
    Copied(Arc<Copied>),
}

/// A value that owns what it needs.
#[derive(Clone)]
pub(crate) struct Value {
    pub data: Data,
    pub stamp: Stamp,
    pub id: ValueId,
}

impl Data {
    pub fn line(&self) -> Line {
        match self {
            Data::Pinned(pinned) => pinned.line(),
            Data::Copied(copied) => copied.line,
        }
    }
}

impl Value {
    fn layout(&self) -> &Layout {
        match &self.data {
            Data::Pinned(pinned) => &pinned.source().layout,
            Data::Copied(copied) => &copied.layout,
        }
    }

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Pinned(pinned) => pinned.bytes(),
            Data::Copied(copied) => copied.bytes(),
        }
    }

    fn user_data(&self) -> &[u8] {
        match &self.data {
            Data::Pinned(pinned) => pinned.user_data(),
            Data::Copied(copied) => copied.user_data(),
        }
    }

    fn line(&self) -> Line {
        self.data.line()
    }

    fn is_copy(&self) -> bool {
        matches!(self.data, Data::Copied(_))
    }

    fn stamp(&self) -> Stamp {
        self.stamp
    }
}

/// What a view borrows, or in rare cases owns.
pub(crate) enum ViewInner<'a> {
    Here {
        pinned: Pinned<Ref<'a, Source>>,
        stamp: Stamp,
    },
    /// The value could not be pinned through what the reader has: older views borrow that, or the value is a copy.
    Elsewhere(Box<Value>),
}

impl ViewInner<'_> {
    fn layout(&self) -> &Layout {
        match self {
            ViewInner::Here { pinned, .. } => &pinned.source().layout,
            ViewInner::Elsewhere(value) => value.layout(),
        }
    }

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        match self {
            ViewInner::Here { pinned, .. } => pinned.bytes(),
            ViewInner::Elsewhere(value) => value.bytes(),
        }
    }

    fn user_data(&self) -> &[u8] {
        match self {
            ViewInner::Here { pinned, .. } => pinned.user_data(),
            ViewInner::Elsewhere(value) => value.user_data(),
        }
    }

    fn line(&self) -> Line {
        match self {
            ViewInner::Here { pinned, .. } => pinned.line(),
            ViewInner::Elsewhere(value) => value.line(),
        }
    }

    fn is_copy(&self) -> bool {
        matches!(self, ViewInner::Elsewhere(value) if value.is_copy())
    }

    fn stamp(&self) -> Stamp {
        match self {
            ViewInner::Here { stamp, .. } => *stamp,
            ViewInner::Elsewhere(value) => value.stamp,
        }
    }
}

/// A value, whole and unchanging for as long as it is held, that owns what it needs.
///
/// It costs the store one slot while it is held and outlives its reader, the writer and the tag. A process that holds
/// three slots of an array gets copies in its own memory from then on, by the same type. `Clone` is cheap.
#[derive(Clone)]
pub struct Snapshot(pub(crate) Value);

impl Snapshot {
    /// Which value it is, for [`Reader::is_latest`](crate::Reader::is_latest).
    #[doc(hidden)]
    #[inline(always)]
    pub fn id(&self) -> ValueId {
        self.0.id
    }
}

/// A value, whole and unchanging for as long as it is held, that borrows its [`Reader`](crate::Reader).
///
/// The form for hot loops: no allocation and no shared reference count.
pub struct View<'a>(pub(crate) ViewInner<'a>);

macro_rules! accessors {
    ($type:ty, $name:literal) => {
        impl $type {
            /// The element type.
            pub fn dtype(&self) -> &DType {
                self.0.layout().dtype()
            }

            /// The length of each axis, in C order; empty for a 0-d array.
            pub fn shape(&self) -> &[usize] {
                self.0.layout().shape()
            }

            /// The number of this value: 1 for the first that was written under the tag, one more at each write.
            pub fn version(&self) -> u64 {
                self.0.stamp().version
            }

            /// When the value was published, as Unix time: the time since 1970, by the writer's clock.
            pub fn written_at(&self) -> UnixTime {
                self.0.line().clock.unix(self.0.stamp().written_at)
            }

            /// How long ago the value was published; never negative. A clock that is set does not change it, unless the value is
            /// of an earlier start of the machine, or its writer of another time namespace.
            pub fn age(&self) -> Duration {
                self.0.line().clock.age(self.0.stamp().written_at)
            }

            /// When the value was acquired, such as when the shutter opened, if the writer said so.
            pub fn acquired_at(&self) -> Option<UnixTime> {
                UnixTime::stored(self.0.line().acquired_at)
            }

            /// When the value was written where it comes from, if it was brought from another store.
            pub fn source_written_at(&self) -> Option<UnixTime> {
                UnixTime::stored(self.0.line().source_written_at)
            }

            /// What the writer sent along with the value, 0 to 2,048 bytes; attributes as their text.
            pub fn user_data(&self) -> &[u8] {
                self.0.user_data()
            }

            /// The attributes of the value as JSON text, an object; `None` if it has none.
            ///
            /// # Errors
            /// [`Error::InvalidAttributes`] if what is there is no UTF-8.
            pub fn attributes_json(&self) -> Result<Option<&str>> {
                attributes::text(&self.0.line(), self.0.user_data())
            }

            /// The attributes of the value, by name; `None` if it has none.
            ///
            /// # Errors
            /// [`Error::InvalidAttributes`] if what is there is no JSON object.
            pub fn attributes(&self) -> Result<Option<serde_json::Map<String, serde_json::Value>>> {
                attributes::parsed(&self.0.line(), self.0.user_data())
            }

            /// The elements as they lie in memory, in C order.
            #[inline]
            pub fn bytes(&self) -> &[u8] {
                self.0.bytes()
            }

            /// The elements in C order, without a copy.
            ///
            /// # Errors
            /// [`Error::DTypeMismatch`] if they are no `T`; [`Error::InvalidElement`] if `T` is `bool`, or has fields that are,
            /// and a byte is neither 0 nor 1 (this is checked at every call).
            #[inline]
            pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
                element::of_bytes(self.dtype(), self.bytes())
            }

            /// The array, without a copy.
            ///
            /// # Errors
            /// As [`as_slice`](Self::as_slice).
            #[cfg(feature = "ndarray")]
            pub fn as_array<T: Element>(&self) -> Result<ndarray::ArrayViewD<'_, T>> {
                let shape = self.shape();
                ndarray::ArrayViewD::from_shape(shape, self.as_slice()?).map_err(|error| {
                    Error::InvalidShape {
                        shape: shape.to_vec(),
                        dtype: T::dtype().to_string(),
                        found: error.to_string(),
                        expected: "a shape that ndarray has",
                    }
                })
            }

            /// Whether the value was copied into this process's memory, rather than pinned in the store.
            pub fn is_copy(&self) -> bool {
                self.0.is_copy()
            }
        }

        /// The bytes of the elements, as [`bytes`](Self::bytes).
        impl AsRef<[u8]> for $type {
            #[inline]
            fn as_ref(&self) -> &[u8] {
                self.bytes()
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name)
                    .field("dtype", &format_args!("{}", self.dtype()))
                    .field("shape", &self.shape())
                    .field("version", &self.version())
                    .field("copied", &self.is_copy())
                    .finish_non_exhaustive()
            }
        }
    };
}

accessors!(Snapshot, "Snapshot");
accessors!(View<'_>, "View");
