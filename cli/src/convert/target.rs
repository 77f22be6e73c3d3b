//! The directory that a conversion fills.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The directory that a conversion fills. What was made in it is removed again, unless it is kept.
pub struct Target {
    path: PathBuf,
    is_new: bool,
    /// The directories of tags, which were all made by this.
    directories: Vec<PathBuf>,
    is_kept: bool,
}

impl Target {
    /// Makes the directory. One that exists must be empty.
    pub fn create(path: &Path) -> Result<Self> {
        let is_new = match std::fs::create_dir(path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut found = path.read_dir().map_err(|error| Failure::io(path, "list", &error))?;
                if found.next().is_some() {
                    return Err(Failure::bad(format!(
                        "{path:?} is not empty: name an empty directory, or a new one"
                    )));
                }
                false
            }
            Err(error) => return Err(Failure::io(path, "make the directory", &error)),
        };
        Ok(Target { path: path.to_owned(), is_new, directories: Vec::new(), is_kept: false })
    }

    /// Makes the directory of a tag.
    pub fn directory(&mut self, tag: &str) -> Result<PathBuf> {
        let path = self.path.join(tag);
        std::fs::create_dir(&path).map_err(|error| Failure::io(&path, "make the directory", &error))?;
        self.directories.push(path.clone());
        Ok(path)
    }

    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        for directory in &self.directories {
            let _ = std::fs::remove_dir_all(directory);
        }
        if self.is_new {
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}
