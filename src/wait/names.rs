//! Waiting until a name in a directory refers to another file: a new tag, or one that was put back.
//!
//! One thread of the process looks at all names that callers wait for. It looks when the kernel reports a change in one of their
//! directories, and now and then besides. For a new name it looks at once. The order of steps shows that no change is lost:
//!
//! 1. Caller: looks at the name, and finds nothing that it waits for.
//! 2. Another process: gives a file the name. The directory may not be watched yet, so there is no event.
//! 3. Caller: is added, under the lock, and rings.
//! 4. Thread: watches the directory; looks; compares with what the callers have seen, under the lock. It finds a difference, and
//!    wakes the caller.
//!
//! A change after 4 causes an event, since the directory was watched before the look. If the bell rings between the look and
//! the thread's sleep, the sleep ends at once, since what was written to its descriptor stays there until it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::sys::file::FileId;
use crate::sys::fork;
use crate::sys::name::status_at;
use crate::sys::of_process::OfProcess;
use crate::sys::thread;
use crate::sys::watch::Watch;
use crate::wait::LINGER;
use crate::wait::callers::{Callers, wake};

/// How often the thread looks at the names if events report all changes, except that of the directory itself. (Readers that
/// block look for themselves every 100 ms.)
const SELDOM: Duration = Duration::from_millis(300);
/// How often it looks if events do not report all changes.
const OFTEN: Duration = Duration::from_millis(10);
/// After a look the thread rests this many times as long as the look took. So it takes 3 % of a processor at most, whatever
/// happens in the directory.
const REST: u32 = 30;

/// The name of the thread.
const THREAD: &str = "ndsharray-names";

static NAMES: OfProcess<Names> = OfProcess::new(Names::new());

struct Names {
    /// What the thread sleeps on; `None` if there is no thread.
    watch: Option<Arc<Watch>>,
    names: BTreeMap<Arc<Path>, Name>,
    next_id: u64,
}

/// A name that somebody waits for.
struct Name {
    callers: Callers<Option<FileId>>,
    /// Whether there were callers at the last look. If so, the name stays for one more look, since most callers come
    /// back.
    was_waited_for: bool,
}

impl Names {
    const fn new() -> Self {
        Names { watch: None, names: BTreeMap::new(), next_id: 0 }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// A caller that waits for a name, until this is dropped.
pub(crate) struct Waiting {
    name: Arc<Path>,
    id: u64,
    generation: u64,
}

/// Arranges that `waker` is woken when `name` refers to something else than what was `seen` there. It is also woken now and then
/// while there is a file under the name, since that may become readable.
pub(crate) fn wait(name: &Arc<Path>, seen: Option<FileId>, waker: Waker) -> Result<Waiting> {
    let mut locked = NAMES.lock();
    let (all, known) = locked.parts();
    let id = all.next_id;
    all.next_id += 1;
    let is_new = !all.names.contains_key(name);
    let new = || Name { callers: Callers::new(), was_waited_for: false };
    all.names.entry(name.clone()).or_insert_with(new).callers.add(id, seen, waker);
    match &all.watch {
        Some(watch) if is_new => watch.ring(),
        Some(_) => {}
        None => {
            let watch = Arc::new(Watch::open(known));
            let of_thread = watch.clone();
            if let Err(error) = thread::spawn(THREAD, move || run(&of_thread)) {
                // There was no thread, so this is the only name.
                let names = std::mem::take(&mut all.names);
                drop(locked);
                drop((names, watch));
                return Err(Error::io(name, "start a thread that waits for it", error));
            }
            all.watch = Some(watch);
        }
    }
    Ok(Waiting { name: name.clone(), id, generation: fork::generation() })
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            return;
        }
        let mut all = NAMES.lock();
        let waker = all.names.get_mut(&self.name).and_then(|name| name.callers.remove(self.id));
        drop(all);
        drop(waker);
    }
}

/// The thread.
fn run(watch: &Watch) {
    let mut idle_since = Instant::now();
    let mut looked_at_all = None;
    let mut watched = BTreeSet::new();
    let generation = fork::generation();
    // If a waker forked, the child gets here too. It must stop: what this thread sleeps on is closed in a child.
    while generation == fork::generation() {
        let began = thread::processor_time();
        let names = waited_for();
        if !names.is_empty() {
            idle_since = Instant::now();
        } else if idle_since.elapsed() >= LINGER && end() {
            return;
        }
        let directories: BTreeSet<&Path> = names.iter().filter_map(|name| name.parent()).collect();
        let all_tell = watch.follow(&directories, &mut watched);
        let at_all = looked_at_all.is_none_or(|at: Instant| at.elapsed() >= SELDOM);
        if at_all {
            looked_at_all = Some(Instant::now());
        }
        let woken = look(&names, at_all);
        // Measured before the wakers run: a slow waker must not make the rest longer.
        let took = thread::processor_time().saturating_sub(began);
        wake(woken);
        if generation == fork::generation() {
            std::thread::sleep(REST * took);
            watch.wait(if all_tell { SELDOM } else { OFTEN });
        }
    }
}

/// The names that somebody waits for, or did a moment ago.
fn waited_for() -> Vec<Arc<Path>> {
    let mut all = NAMES.lock();
    all.names.retain(|_, name| {
        let is_waited_for = !name.callers.is_empty();
        std::mem::replace(&mut name.was_waited_for, is_waited_for) || is_waited_for
    });
    all.names.keys().cloned().collect()
}

/// Looks at the names, and returns the wakers of callers that have seen something else there. `at_all`: also those of callers
/// that wait until an existing file becomes readable.
fn look(names: &[Arc<Path>], at_all: bool) -> Vec<Waker> {
    let found: Vec<_> = names.iter().map(|name| status_at(name).ok().flatten().map(|file| file.id)).collect();
    let mut woken = Vec::new();
    let mut all = NAMES.lock();
    for (name, found) in names.iter().zip(found) {
        if let Some(name) = all.names.get_mut(name) {
            let is_stale = |seen: &Option<FileId>| *seen != found || at_all && found.is_some();
            name.callers.take(is_stale, &mut woken);
        }
    }
    woken
}

/// Takes the thread off the list, unless there is a name by now; true if the thread must end.
fn end() -> bool {
    let mut all = NAMES.lock();
    if all.names.is_empty() {
        // This does not close it: the thread has another reference.
        all.watch = None;
    }
    all.watch.is_none()
}
