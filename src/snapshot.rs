//! Values as readers hold them: [`Snapshot`] owns what it needs, [`View`] borrows its reader.

use std::cell::Ref;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::os;
use crate::segment::{Pinned, Source};

/// A value that was copied out of the store: for readers that may not pin, or that hold many already.
pub(crate) struct Copied {
    pub layout: Arc<Layout>,
    /// The bytes, in whole words.
    pub words: Vec<u64>,
    pub user_data: Vec<u8>,
}

/// Where the bytes are.
pub(crate) enum Data<S: Deref<Target = Source>> {
    Pinned(Pinned<S>),
    Copied(Arc<Copied>),
}

/// What a snapshot and a view have in common.
pub(crate) struct Value<S: Deref<Target = Source>> {
    pub data: Data<S>,
    pub version: u64,
    pub written_at: u64,
}

impl<S: Deref<Target = Source>> Value<S> {
    fn layout(&self) -> &Layout {
        match &self.data {
            Data::Pinned(pinned) => &pinned.source().layout,
            Data::Copied(copied) => &copied.layout,
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Pinned(pinned) => pinned.bytes(),
            Data::Copied(copied) => {
                let bytes: &[u8] = bytemuck::cast_slice(&copied.words);
                bytes.get(..copied.layout.nbytes()).unwrap_or(bytes)
            }
        }
    }

    fn user_data(&self) -> &[u8] {
        match &self.data {
            Data::Pinned(pinned) => pinned.user_data(),
            Data::Copied(copied) => &copied.user_data,
        }
    }

    #[inline]
    fn as_slice<T: Element>(&self) -> Result<&[T]> {
        let dtype = self.layout().dtype();
        if *dtype != T::DTYPE {
            return Err(Error::DTypeMismatch { found: dtype.to_string(), expected: T::DTYPE.to_string() });
        }
        // Length and alignment fit by the layout and the page- or word-aligned memory; what can fail is an element
        // with bits that are no value of T, which of all elements only bool has.
        bytemuck::checked::try_cast_slice(self.bytes())
            .map_err(|_| Error::InvalidElement { expected: T::DTYPE.to_string() })
    }

    #[cfg(feature = "ndarray")]
    fn as_array<T: Element>(&self) -> Result<ndarray::ArrayViewD<'_, T>> {
        let shape = self.layout().shape();
        ndarray::ArrayViewD::from_shape(shape, self.as_slice()?).map_err(|error| Error::InvalidShape {
            shape: shape.to_vec(),
            dtype: T::DTYPE.to_string(),
            found: error.to_string(),
            expected: "a shape that ndarray has",
        })
    }

    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("dtype", &format_args!("{}", self.layout().dtype()))
            .field("shape", &self.layout().shape())
            .field("version", &self.version)
            .field("copied", &matches!(self.data, Data::Copied(_)))
            .finish_non_exhaustive()
    }
}

/// A view's hold on its reader's source, or on one of its own when the reader has moved on under older views.
pub(crate) enum Holder<'a> {
    Reader(Ref<'a, Source>),
    Own(Arc<Source>),
}

impl Deref for Holder<'_> {
    type Target = Source;

    #[inline]
    fn deref(&self) -> &Source {
        match self {
            Holder::Reader(source) => source,
            Holder::Own(source) => source,
        }
    }
}

/// A value, whole and unchanging for as long as it is held, that owns what it needs.
///
/// It costs the store one slot while it is held and outlives its reader, the writer and the tag. A process that holds
/// three slots of an array gets copies in its own memory from then on, by the same type. `Clone` is cheap.
#[derive(Clone)]
pub struct Snapshot(pub(crate) Value<Arc<Source>>);

/// A value, whole and unchanging for as long as it is held, that borrows its [`Reader`](crate::Reader).
///
/// The form for hot loops: no allocation and no shared reference count.
pub struct View<'a>(pub(crate) Value<Holder<'a>>);

impl<S: Deref<Target = Source> + Clone> Clone for Value<S> {
    fn clone(&self) -> Self {
        let data = match &self.data {
            Data::Pinned(pinned) => Data::Pinned(pinned.clone()),
            Data::Copied(copied) => Data::Copied(copied.clone()),
        };
        Value { data, version: self.version, written_at: self.written_at }
    }
}

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
                self.0.version
            }

            /// When the value was published, on CLOCK_MONOTONIC: the time since the machine was started.
            pub fn written_at(&self) -> Duration {
                Duration::from_nanos(self.0.written_at)
            }

            /// How long ago the value was published; never negative.
            pub fn age(&self) -> Duration {
                Duration::from_nanos(os::now().saturating_sub(self.0.written_at))
            }

            /// What the writer sent along with the value, 0 to 240 bytes.
            pub fn user_data(&self) -> &[u8] {
                self.0.user_data()
            }

            /// The elements as they lie in memory, in C order.
            #[inline]
            pub fn bytes(&self) -> &[u8] {
                self.0.bytes()
            }

            /// The elements in C order, without a copy.
            ///
            /// # Errors
            /// [`Error::DTypeMismatch`] if they are no `T`; [`Error::InvalidElement`] if `T` is `bool` and a byte is
            /// neither 0 nor 1 (this is checked at every call).
            #[inline]
            pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
                self.0.as_slice()
            }

            /// The array, without a copy.
            ///
            /// # Errors
            /// As [`as_slice`](Self::as_slice).
            #[cfg(feature = "ndarray")]
            pub fn as_array<T: Element>(&self) -> Result<ndarray::ArrayViewD<'_, T>> {
                self.0.as_array()
            }

            /// Whether the value was copied into this process's memory, rather than pinned in the store.
            pub fn is_copy(&self) -> bool {
                matches!(self.0.data, Data::Copied(_))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.describe($name, f)
            }
        }
    };
}

accessors!(Snapshot, "Snapshot");
accessors!(View<'_>, "View");
