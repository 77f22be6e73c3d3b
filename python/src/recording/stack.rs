//! Copying the values of a sequence into one array: the method of `Track` for that.

use ndsharray::DType;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::exception;
use crate::numpy::array::{self, Room};
use crate::reader::target::{self, Target};
use crate::recording::error::raise_recording;
use crate::recording::message::Message;
use crate::recording::track::Track;

/// So many bytes are copied before the thread looks whether Ctrl-C was pressed.
const STEP: usize = 64 << 20;

#[pymethods]
impl Track {
    /// Copies all values into one array. Its first axis is the number of the value; those of a value follow.
    ///
    /// Parameters
    /// ----------
    /// out : numpy.ndarray, optional
    ///     A writeable array of the shape ``(len(track), *shape)`` and the dtype of the values, into which they are copied.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     `out`, or a new array.
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If the values do not all have the same shape and dtype, there are none, or `out` does not fit.
    /// DTypeMismatchError
    ///     If `out` has another dtype.
    /// FormatError
    ///     If a value is damaged.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> recording = ndsharray.Recording("run.mcap")
    /// >>> recording["cam"][:5].stack().shape
    /// (5, 48, 64)
    /// >>> recording["cloud"].stack()
    /// Traceback (most recent call last):
    ///     ...
    /// ndsharray.InvalidArgumentError: the values of "cloud" cannot be stacked: number 1 is float32 [102, 3], ...
    #[pyo3(signature = (*, out=None))]
    fn stack<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyUntypedArray>> {
        let target = Target::new(out, false)?;
        if self.len() == 0 {
            let message = format!("there are no values of {:?} to stack: pick some", self.tag());
            return Err(exception(py, "InvalidArgumentError", &message));
        }
        let first = Layout::of(&self.call(py, || self.value(0))?.map_err(raise_recording)?);
        let descr = self.described(py, &first.dtype)?.get(py);
        let shape: Vec<usize> = [self.len()].into_iter().chain(first.shape.iter().copied()).collect();
        let array = match target {
            Target::Out(out) => {
                target::fits(&out, "stack", &shape, &descr)?;
                out
            }
            _ => array::empty(descr, &shape)?,
        };
        match Room::of(&array) {
            Some(room) => self.copy_to(py, &room, &first)?,
            None => self.copy_each_to(&array, &first)?,
        }
        Ok(array)
    }
}

impl Track {
    /// The error that the value number `index` has another layout than the first one.
    fn other_layout(&self, py: Python<'_>, index: usize, first: &Layout, other: &Layout) -> PyErr {
        let message = format!(
            "the values of {:?} cannot be stacked: number {index} is {} {:?}, but number 0 is {} {:?}. Stack those of one layout, \
             such as track[:{index}]",
            self.tag(),
            other.dtype,
            other.shape,
            first.dtype,
            first.shape
        );
        exception(py, "InvalidArgumentError", &message)
    }

    /// Copies the values into the memory of an array, in steps, so that Ctrl-C is noticed.
    fn copy_to(&self, py: Python<'_>, room: &Room<'_>, first: &Layout) -> PyResult<()> {
        let (mut index, mut end) = (0, 0);
        let count = (STEP / (room.nbytes() / self.len()).max(4096)).max(1);
        while index < self.len() {
            let last = self.len().min(index + count);
            let pieces = (index..last).map(|index| match self.value(index) {
                Ok(value) if first.is_of(&value) => Ok(value.to_bytes()),
                Ok(value) => Err(Stopped::OtherLayout(index, Layout::of(&value))),
                Err(error) => Err(Stopped::Error(error)),
            });
            end = self.call(py, || room.fill_from(end, pieces))?.map_err(|stopped| match stopped {
                Stopped::Error(error) => raise_recording(error),
                Stopped::OtherLayout(index, other) => self.other_layout(py, index, first, &other),
            })?;
            index = last;
            py.check_signals()?;
        }
        Ok(())
    }

    /// Copies the values into an array of other strides, one after the other.
    fn copy_each_to(&self, target: &Bound<'_, PyUntypedArray>, first: &Layout) -> PyResult<()> {
        let py = target.py();
        for index in 0..self.len() {
            let value = self.call(py, || self.value(index))?.map_err(raise_recording)?;
            if !first.is_of(&value) {
                return Err(self.other_layout(py, index, first, &Layout::of(&value)));
            }
            // With the dots it is an array, also if it has no axes.
            let key = PyTuple::new(py, [index.into_pyobject(py)?.into_any(), py.Ellipsis().into_bound(py)])?;
            let place = target.get_item(key)?.cast_into()?;
            let dtype = self.described(py, value.dtype())?;
            let source = Message::into_array(Message::new(py, value, dtype)?)?;
            array::copy_into(&place, &source)?;
            py.check_signals()?;
        }
        Ok(())
    }
}

/// The layout of a value.
#[derive(PartialEq)]
struct Layout {
    dtype: DType,
    shape: Vec<usize>,
}

impl Layout {
    fn of(value: &ndsharray_recording::Message) -> Self {
        Layout { dtype: value.dtype().clone(), shape: value.shape().to_owned() }
    }

    fn is_of(&self, value: &ndsharray_recording::Message) -> bool {
        self.shape == value.shape() && self.dtype == *value.dtype()
    }
}

/// What ended a stack early.
enum Stopped {
    Error(ndsharray_recording::Error),
    OtherLayout(usize, Layout),
}
