//! Waiting for a name in a directory to lead to another file: to a new tag, or to one that was put back.
//!
//! One thread of the process looks at all names that somebody waits for: when the kernel says that something changed in one of their
//! directories, and now and then besides. It looks at once if a caller is new:
//!
//! 1. Caller: looks at the name, and finds nothing that it waits for.
//! 2. Somebody: gives a file the name. The directory may not be watched yet, so no event says so.
//! 3. Caller: is added, under the lock, and rings.
//! 4. Thread: watches the directory; takes the callers, under the lock; looks. It finds something else than the caller has seen.
//!
//! A change after 4 is an event, since the directory was watched before the look. If the bell rings between the look and the
//! thread's sleep, the sleep ends at once, since what was written to its descriptor stays there until it is read.

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

/// How often the names are looked at where events tell of all changes but that of the directory itself. (Readers that block look
/// for themselves every 100 ms.)
const SELDOM: Duration = Duration::from_millis(300);
/// And where they do not.
const OFTEN: Duration = Duration::from_millis(10);
/// The thread rests so many times as long as it looked: it takes 3 % of a processor at most, whatever happens in the directory.
const REST: u32 = 30;

/// The name of the thread.
const THREAD: &str = "ndsharray-names";

static NAMES: OfProcess<Names> = OfProcess::new(Names::new());

struct Names {
    /// What the thread sleeps on; `None` without a thread.
    watch: Option<Arc<Watch>>,
    names: BTreeMap<Arc<Path>, Name>,
    next_id: u64,
}

/// A name that somebody waits for.
struct Name {
    callers: Callers<Option<FileId>>,
    /// Whether somebody waited for it when it was looked at last: it stays for one more look, since most wait again.
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

/// Has `waker` woken when `name` leads to something else than what was `seen` there before; and now and then as long as it leads to
/// anything, which may become readable.
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
                // There is no thread, so there was no other name.
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
    // A child has closed what this thread sleeps on: it goes on here only if a waker forked.
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
        // Without the wakers: what others do there keeps nobody waiting afterwards.
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

/// Looks at the names; who has seen something else is to be woken. `at_all`: also who waits for what is there to become readable.
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

/// Ends the thread, unless there is a name by now; true if it does.
fn end() -> bool {
    let mut all = NAMES.lock();
    if all.names.is_empty() {
        // Not the last one: the thread has another.
        all.watch = None;
    }
    all.watch.is_none()
}
