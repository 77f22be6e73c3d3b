//! The views that were made last, so that each is made once for all who look at the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndsharray::Snapshot;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;
use crate::view::View;
use crate::view::wanted::Wanted;

/// So many different views are kept.
const MOST_KEPT: usize = 256;

/// What somebody looks at, whichever value it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Looked {
    pub tag: String,
    pub wanted: Wanted,
    /// Whether JPEG is made of it, if it can be.
    pub jpeg: bool,
}

/// A view, as it goes to a browser.
#[derive(Debug)]
pub(crate) struct Made {
    pub view: View,
    pub jpeg: Option<Vec<u8>>,
}

/// The view of one value.
type Cell = Arc<OnceCell<Arc<Made>>>;

/// The views that were made last: of each that somebody looks at, that of one value.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<Looked, (String, Cell)>>);

impl Cache {
    /// The view of a value. `cursor`: which value it is.
    pub async fn view(&self, looked: &Looked, cursor: &str, value: Snapshot) -> Result<Arc<Made>, Refusal> {
        let cell = self.cell(looked, cursor);
        let (wanted, jpeg) = (looked.wanted.clone(), looked.jpeg);
        let make = async || {
            let made = spawn_blocking(move || -> Result<_, Refusal> {
                let mut view = View::of(&value, &wanted)?;
                let jpeg = if jpeg { view.to_jpeg() } else { None };
                if jpeg.is_some() {
                    view.body = Vec::new();
                }
                Ok(Arc::new(Made { view, jpeg }))
            });
            made.await.unwrap_or_else(|_| Err(Refusal::bug()))
        };
        cell.get_or_try_init(make).await.cloned()
    }

    fn cell(&self, looked: &Looked, cursor: &str) -> Cell {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, cell)) = kept.get(looked) {
            if of == cursor {
                return cell.clone();
            }
        } else if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        let cell = Cell::default();
        kept.insert(looked.clone(), (cursor.to_owned(), cell.clone()));
        cell
    }

    /// Forgets all of them: nobody looks any more.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
