//! What an `NdShArray` keeps under its lock: it is a reader or a writer, and remembers what `read` returned last.

use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use ndsharray::Meta;
use numpy::PyUntypedArray;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::raise;
use crate::numpy::dtype::Described;
use crate::object::attached_lock::AttachedLock;
use crate::reader::snapshot::Snapshot;
use crate::reader::state::{Acquired, UnknownDType, Which};
use crate::reader::target::Target;
use crate::v1::result_tuple::ResultTuple;
use crate::{reader, writer};

pub struct State {
    name: String,
    directory: PathBuf,
    role: Role,
    /// What `read` returned last; at first the constructor's array.
    array: Py<PyAny>,
    /// It holds the array too.
    result: ResultTuple,
    data_file: Option<String>,
    /// How old the value was when `read` returned it.
    read_time: Duration,
    /// Whether `read` has returned a value.
    has_read: bool,
}

enum Role {
    Reader(Box<reader::state::State>),
    Writer(writer::state::State),
}

/// What `read` returns; and the array that it returned before. The caller drops that one without the lock: its end may
/// run code that reads, too.
pub type Shown<'py> = (Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>);

impl State {
    pub fn reader(store: &ndsharray::Store, name: String, array: Bound<'_, PyAny>) -> PyResult<Self> {
        let reader = store.reader(&name).map_err(raise)?;
        let role = Role::Reader(Box::new(reader::state::State::new(reader)));
        Ok(Self::new(store, name, array, role))
    }

    /// Opens a writer, and publishes the array.
    pub fn writer(
        store: &ndsharray::Store,
        name: String,
        array: Bound<'_, PyUntypedArray>,
        mode: Option<u32>,
    ) -> PyResult<Self> {
        let options = store.writer_options(&name).takeover(true);
        let options = if let Some(mode) = mode { options.mode(mode) } else { options };
        let writer = array.py().detach(|| options.open()).map_err(raise)?;
        let state = AttachedLock::new(writer::state::State::new(writer));
        writer::state::write(&state, &array, &Meta::new())?;
        Ok(Self::new(store, name, array.into_any(), Role::Writer(state.into_inner())))
    }

    fn new(store: &ndsharray::Store, name: String, array: Bound<'_, PyAny>, role: Role) -> Self {
        let directory = store.directory().to_owned();
        let array = array.unbind();
        State {
            name,
            directory,
            role,
            array,
            result: ResultTuple::default(),
            data_file: None,
            read_time: Duration::ZERO,
            has_read: false,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn directory(&self) -> &PathBuf {
        &self.directory
    }

    pub fn is_reader(&self) -> bool {
        matches!(self.role, Role::Reader(_))
    }

    pub fn read_time(&self) -> Duration {
        self.read_time
    }

    /// Whether there is a value under the name.
    pub fn is_valid(&self) -> bool {
        match &self.role {
            Role::Reader(state) => self.has_read || state.latest().is_ok(),
            Role::Writer(_) => true,
        }
    }

    /// The name of the file that the present value is in. A tag without a value has only a header: the file of its name.
    pub fn data_file(&mut self) -> PyResult<String> {
        let now = match &mut self.role {
            Role::Writer(state) => state.data_file(),
            Role::Reader(_) => {
                let store = ndsharray::Store::open(&self.directory).map_err(raise)?;
                store.stat(&self.name).ok().and_then(|stat| stat.value).map(|value| value.data_file)
            }
        };
        if now.is_some() {
            self.data_file = now;
        }
        Ok(self.data_file.clone().unwrap_or_else(|| self.name.clone()))
    }

    /// What `read` returns; or the dtype of the new value, if that must be made first.
    #[inline(always)]
    pub fn read<'py>(&mut self, py: Python<'py>) -> PyResult<Result<Shown<'py>, Box<UnknownDType>>> {
        // For a writer nothing is ever new.
        let Role::Reader(state) = &mut self.role else { return self.show_again(py).map(Ok) };
        let Some(value) = state.new_value(Which::Latest).map_err(raise)? else {
            return self.show_again(py).map(Ok);
        };
        match state.described(py, value.dtype()) {
            Some(dtype) => self.show(py, value, dtype).map(Ok),
            None => Ok(Err(state.set_aside(value))),
        }
    }

    /// What `read` returns for a value whose dtype had to be made; None if another thread took the value.
    pub fn read_acquired<'py>(
        &mut self,
        py: Python<'py>,
        acquired: Option<Acquired>,
    ) -> PyResult<Shown<'py>> {
        match acquired {
            // Another thread may have acquired and shown a later value. Then this one must not follow it as new.
            Some(acquired) if self.is_last(&acquired) => self.show(py, acquired.value, acquired.dtype),
            _ => self.show_again(py),
        }
    }

    fn is_last(&self, acquired: &Acquired) -> bool {
        matches!(&self.role, Role::Reader(state) if state.number() == acquired.number)
    }

    /// Returns a new value.
    #[inline(always)]
    fn show<'py>(
        &mut self,
        py: Python<'py>,
        value: ndsharray::Snapshot,
        dtype: Described,
    ) -> PyResult<Shown<'py>> {
        let age = value.age();
        let array = Snapshot::into_array(Snapshot::new(py, value, dtype, Target::Stay)?)?.into_any();
        let result = self.result.with(py, array.clone())?;
        self.read_time = age;
        self.has_read = true;
        Ok((result, Some(mem::replace(&mut self.array, array.unbind()).into_bound(py))))
    }

    /// Returns the array of last time.
    fn show_again<'py>(&self, py: Python<'py>) -> PyResult<Shown<'py>> {
        Ok(((false, self.array.bind(py)).into_pyobject(py)?, None))
    }

    pub fn as_reader(&mut self) -> PyResult<&mut reader::state::State> {
        match &mut self.role {
            Role::Reader(state) => Ok(state),
            Role::Writer(_) => Err(PyRuntimeError::new_err(
                "another thread called __init__ of this NdShArray during the read, and opened it for writing",
            )),
        }
    }

    #[inline(always)]
    pub fn as_writer(&mut self) -> PyResult<&mut writer::state::State> {
        match &mut self.role {
            Role::Writer(state) => Ok(state),
            Role::Reader(_) => Err(PyTypeError::new_err(
                "this NdShArray was opened for reading ('r'): open it with r_w='w' to write",
            )),
        }
    }
}
