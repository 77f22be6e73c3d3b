//! Attributes: named values that travel with an array, as a JSON object.

use ndsharray::serde_json::Value;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyModule, PyString, PyTuple};

use crate::error::{exception, kind, shown};

/// How deep lists and dicts may lie in each other: as deep as the library reads them.
const DEPTH: usize = 127;

/// Nobody has to wait until a longer text is complete, only to be told that it does not fit.
const LONGEST: usize = 1 << 20;

/// How much of the path to a value an error shows.
const SHOWN: usize = 200;

/// The attributes that a text says, as a dict. Runs Python code.
pub fn parsed<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PyModule::import(py, intern!(py, "ndsharray._attributes"))?.getattr(intern!(py, "parsed"))?.call1((text,))
}

/// The text of a value's attributes, if it has any. In Python it is a dict, made anew at each access.
pub struct Text(pub Option<String>);

impl<'py> IntoPyObject<'py> for &Text {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.0 {
            Some(text) => parsed(py, text.as_bytes()),
            None => Ok(py.None().into_bound(py)),
        }
    }
}

/// The text of a dict. Runs Python code.
pub fn text(attrs: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(dict) = attrs.cast::<PyDict>() else {
        return Err(PyTypeError::new_err(format!("attrs must be a dict, not {}", kind(attrs))));
    };
    let mut encoder = Encoder { py: attrs.py(), text: String::new() };
    encoder.object(dict, &Path::ROOT)?;
    Ok(encoder.text)
}

/// The way from the attributes to one of their values.
struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: Step<'a>,
    /// How many lists and dicts the value lies in.
    depth: usize,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path { above: None, step: Step::Root, depth: 0 };

    fn then(&'a self, step: Step<'a>) -> Self {
        Path { above: Some(self), step, depth: self.depth + 1 }
    }

    /// As Python code would write it, such as `attrs["roi"][2]`.
    fn shown(&self) -> String {
        let mut text = String::new();
        self.show(&mut text);
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }

    fn show(&self, text: &mut String) {
        if let Some(above) = self.above {
            above.show(text);
        }
        match self.step {
            Step::Root => text.push_str("attrs"),
            Step::Key(key) => text.push_str(&format!("[{key:?}]")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
}

struct Encoder<'py> {
    py: Python<'py>,
    text: String,
}

impl<'py> Encoder<'py> {
    fn value(&mut self, value: &Bound<'py, PyAny>, path: &Path<'_>) -> PyResult<()> {
        if let Ok(string) = value.cast::<PyString>() {
            let text = self.unicode(string, path, "is")?;
            self.put(text, path)
        } else if let Ok(float) = value.cast::<PyFloat>() {
            self.float(float, path)
        } else if let Ok(truth) = value.cast::<PyBool>() {
            self.put(truth.is_true(), path)
        } else if value.is_instance_of::<PyInt>() {
            self.int(value, path)
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.object(dict, path)
        } else if let Ok(list) = value.cast::<PyList>() {
            self.array(list.iter(), path)
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.array(tuple.iter(), path)
        } else if value.is_none() {
            self.put(Value::Null, path)
        } else {
            self.number_of_numpy(value, path)
        }
    }

    fn object(&mut self, dict: &Bound<'py, PyDict>, path: &Path<'_>) -> PyResult<()> {
        self.enter(path)?;
        self.text.push('{');
        // A list of its own: Python code that runs meanwhile may change the dict. A subclass may have another order.
        for (index, item) in dict.as_mapping().items()?.iter().enumerate() {
            let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
            let Ok(name) = key.cast::<PyString>() else {
                let what = format!("has the key {} of type {}: keys must be str", shown(&key), kind(&key));
                return Err(self.invalid(path, &what));
            };
            let name = self.unicode(name, path, "has the key")?;
            if index > 0 {
                self.text.push(',');
            }
            self.put(name, path)?;
            self.text.push(':');
            self.value(&value, &path.then(Step::Key(name)))?;
        }
        self.text.push('}');
        Ok(())
    }

    fn array(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>, path: &Path<'_>) -> PyResult<()> {
        self.enter(path)?;
        self.text.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.value(&item, &path.then(Step::Index(index)))?;
        }
        self.text.push(']');
        Ok(())
    }

    /// Checks that the list or dict here does not lie too deep. One that contains itself does.
    fn enter(&self, path: &Path<'_>) -> PyResult<()> {
        if path.depth < DEPTH {
            return Ok(());
        }
        let what = format!(
            "lies too deep: at most {DEPTH} lists and dicts may lie in each other, and none in itself"
        );
        Err(self.invalid(path, &what))
    }

    fn float(&mut self, float: &Bound<'py, PyFloat>, path: &Path<'_>) -> PyResult<()> {
        if float.value().is_finite() {
            return self.put(float.value(), path);
        }
        Err(self.invalid(path, &format!("is {}: JSON has finite numbers only", shown(float))))
    }

    fn int(&mut self, int: &Bound<'py, PyAny>, path: &Path<'_>) -> PyResult<()> {
        if let Ok(number) = int.extract::<i64>() {
            self.put(number, path)
        } else if let Ok(number) = int.extract::<u64>() {
            self.put(number, path)
        } else {
            let what = format!("is {}: an int must be from -2**63 to 2**64 - 1", shown(int));
            Err(self.invalid(path, &what))
        }
    }

    /// A value of any other type must be a number of numpy.
    fn number_of_numpy(&mut self, value: &Bound<'py, PyAny>, path: &Path<'_>) -> PyResult<()> {
        let plain = PyModule::import(self.py, intern!(self.py, "ndsharray._numbers"))?
            .getattr(intern!(self.py, "plain"))?
            .call1((value,))?;
        if plain.is_none() {
            let what = format!(
                "is of type {}: pass a dict, list, tuple, str, int, float, bool or None",
                kind(value)
            );
            return Err(self.invalid(path, &what));
        }
        self.value(&plain, path)
    }

    /// The text of a str. Python allows halves of surrogate pairs in it, which no Unicode text has.
    fn unicode<'a>(
        &self,
        string: &'a Bound<'py, PyString>,
        path: &Path<'_>,
        verb: &str,
    ) -> PyResult<&'a str> {
        string.to_str().map_err(|_| {
            let what = format!("{verb} {}: no Unicode text has a lone surrogate", shown(string));
            self.invalid(path, &what)
        })
    }

    fn put(&mut self, value: impl Into<Value>, path: &Path<'_>) -> PyResult<()> {
        self.text.push_str(&value.into().to_string());
        if self.text.len() <= LONGEST {
            return Ok(());
        }
        let message = format!(
            "attrs are more than {LONGEST} bytes as JSON text, at {}: at most 2048 fit",
            path.shown()
        );
        Err(exception(self.py, "InvalidArgumentError", &message))
    }

    fn invalid(&self, path: &Path<'_>, what: &str) -> PyErr {
        exception(self.py, "InvalidArgumentError", &format!("{} {what}", path.shown()))
    }
}
