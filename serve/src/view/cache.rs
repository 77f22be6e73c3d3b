//! The views that were made last, so that each is made once for all who look at the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndsharray::Snapshot;

use crate::refusal::Refusal;
use crate::view::View;
use crate::view::wanted::Wanted;
use crate::work::{Place, Work};

/// So many different views are kept.
const MOST_KEPT: usize = 256;

/// So many bytes they have together, but for the one that was made last.
const MOST_BYTES_KEPT: usize = 128 << 20;

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

impl Made {
    fn nbytes(&self) -> usize {
        self.view.body.len() + self.jpeg.as_ref().map_or(0, Vec::len)
    }
}

/// The view of one value, once it is made. Locked by who makes it.
type Cell = Arc<tokio::sync::Mutex<Option<Arc<Made>>>>;

/// The views that were made last: of each that somebody looks at, that of one value.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<Looked, (String, Cell)>>);

impl Cache {
    /// The view of a value, and the place, unless another task made the view: then the place was given back. `cursor`: which value it is.
    pub async fn view(
        &self,
        looked: &Looked,
        cursor: &str,
        value: Snapshot,
        place: Place,
        work: &Work,
    ) -> Result<(Arc<Made>, Option<Place>), Refusal> {
        let cell = self.cell(looked, cursor);
        let (wanted, jpeg) = (looked.wanted.clone(), looked.jpeg);
        let mut place = Some(place);
        let mut made = match cell.try_lock() {
            Ok(made) => made,
            Err(_) => {
                // Another makes it. Whoever waits for that has no place: the other may wait for one.
                place = None;
                cell.lock().await
            }
        };
        let found = match &*made {
            Some(found) => found.clone(),
            None => {
                let free = match place.take() {
                    Some(free) => free,
                    // The other has given up.
                    None => work.place().await,
                };
                let make = move || {
                    let mut view = View::of(&value, &wanted)?;
                    let jpeg = if jpeg { view.to_jpeg() } else { None };
                    if jpeg.is_some() {
                        view.body = Vec::new();
                    }
                    Ok(Arc::new(Made { view, jpeg }))
                };
                let (new, free) = free.make(make).await?;
                place = Some(free);
                *made = Some(new.clone());
                new
            }
        };
        drop(made);
        self.limit(looked);
        Ok((found, place))
    }

    /// Forgets all views but this one if they have too many bytes.
    fn limit(&self, made: &Looked) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nbytes = kept.values().filter_map(|(_, cell)| Some(cell.try_lock().ok()?.as_ref()?.nbytes()));
        if nbytes.sum::<usize>() > MOST_BYTES_KEPT {
            kept.retain(|looked, _| looked == made);
        }
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

#[cfg(test)]
mod tests {
    use ndsharray::Store;

    use super::*;

    fn looked(region: [usize; 4]) -> Looked {
        let wanted = Wanted { region: region.to_vec(), ..Wanted::default() };
        Looked { tag: "cam".to_owned(), wanted, jpeg: false }
    }

    async fn view(cache: &Cache, looked: &Looked, cursor: &str, value: &Snapshot) -> Arc<Made> {
        let work = Work::default();
        let place = work.place().await;
        cache.view(looked, cursor, value.clone(), place, &work).await.unwrap().0
    }

    #[tokio::test]
    async fn a_view_is_made_once_for_all_who_look_at_the_same() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut writer = store.writer("cam").unwrap();
        writer.write_slice(&[1u8; 64], &[8, 8]).unwrap();
        let value = store.reader("cam").unwrap().latest().unwrap();
        let cache = Cache::default();
        let (all, part) = (looked([0, 0, 8, 8]), looked([0, 0, 8, 1]));
        let (first, second, other) = tokio::join!(
            view(&cache, &all, "1", &value),
            view(&cache, &all, "1", &value),
            view(&cache, &part, "1", &value),
        );
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        let next = view(&cache, &all, "2", &value).await;
        assert!(!Arc::ptr_eq(&first, &next), "another value");
        cache.clear();
        assert!(!Arc::ptr_eq(&next, &view(&cache, &all, "2", &value).await));
    }

    #[tokio::test]
    async fn views_that_are_kept_are_neither_too_many_nor_too_large() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        let side = 6000;
        store.writer("cam").unwrap().write_slice(&vec![1u8; side * side], &[side, side]).unwrap();
        let value = store.reader("cam").unwrap().latest().unwrap();
        let cache = Cache::default();
        let kept = || {
            cache
                .0
                .lock()
                .unwrap()
                .values()
                .map(|(_, cell)| cell.try_lock().unwrap().as_ref().unwrap().nbytes())
                .sum::<usize>()
        };
        for x in 0..6 {
            view(&cache, &looked([x, 0, side, side]), "1", &value).await;
            assert!(kept() >= (side - x) * side && kept() <= MOST_BYTES_KEPT, "{}", kept());
        }
        for x in 0..3 * MOST_KEPT {
            view(&cache, &looked([x, 0, 1, 1]), "1", &value).await;
            assert!(cache.0.lock().unwrap().len() <= MOST_KEPT);
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_view_has_no_place() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = ndsharray::Store::open(directory.path()).unwrap();
        store.writer("cam").unwrap().write_slice(&[1u8], &[1, 1]).unwrap();
        let value = store.reader("cam").unwrap().latest().unwrap();
        let (cache, work) = (Cache::default(), Work::default());
        let soon = std::time::Duration::from_millis(50);
        let mut places = vec![work.place().await];
        while let Ok(place) = tokio::time::timeout(soon, work.place()).await {
            places.push(place);
        }
        let looked = looked([0, 0, 1, 1]);
        let cell = cache.cell(&looked, "1");
        let maker = cell.lock().await;
        let waiting = cache.view(&looked, "1", value, places.pop().unwrap(), &work);
        let free = tokio::time::timeout(20 * soon, work.place());
        let (waited, free) = tokio::join!(tokio::time::timeout(40 * soon, waiting), free);
        assert!(waited.is_err(), "the other makes it");
        assert!(free.is_ok(), "it kept its place");
        drop(maker);
    }
}
