//! Waiting for values of tags: one thread for every 127 tags that anybody in the process waits for.
//!
//! The thread sleeps on the event counts of all its tags at once, and on a bell, which callers ring. Before a caller is added,
//! it has taken the key of its header's event count, and then found nothing new. These cases show that no value is lost:
//!
//! *A value comes before the caller is added:* 1. caller: key 5; looks: nothing. 2. writer: publishes, the count is 6; nobody
//! sleeps. 3. caller: is added with key 5. 4. thread, under the lock: the count is 6, not 5: wakes the caller, which looks again.
//!
//! *A value comes later:* 1. thread, under the lock: the count is 5, the caller's key. 2. thread: announces itself; sleeps
//! on 5. From here on it is as with any reader (`sync::event_count`): the writer sees the announcement, or the kernel sees
//! the count.
//!
//! *A caller is added after the thread has looked:* 1. thread: takes the key of the bell; then the words to sleep on, under the
//! lock. 2. caller: is added, under the lock. The thread does not sleep on that word, or sleeps with another key, so the caller
//! rings. 3. thread: sleeps on the bell with the key of step 1; the bell was rung since, so the sleep ends. If the caller is added
//! before step 1, the thread has it.
//!
//! *The same, but the thread sleeps on that word with that key:* 1. thread, under the lock: notes that it sleeps on 5 of this tag.
//! 2. caller: is added with key 5, and does not ring. 3. writer: publishes; the thread wakes, or does not fall asleep; under the
//! lock, it finds 6, not 5.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::shm::futex::{self, MOST_FUTEXES};
use crate::shm::header::Header;
use crate::sys::file::FileId;
use crate::sys::name::status_at;
use crate::sys::of_process::OfProcess;
use crate::sys::{fork, thread};
use crate::wait::LINGER;
use crate::wait::callers::{Callers, wake};
use crate::wait::doorbell::Doorbell;

/// How many tags a thread waits for at most. FUTEX_WAITV takes 128 words, and one is the bell.
const MOST_TAGS: usize = MOST_FUTEXES - 1;
/// How often the thread checks whether the names of its tags refer to other files.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often it looks for values if no writer can wake it: for a tag on which it cannot announce itself, or without FUTEX_WAITV.
const SHORT: Duration = Duration::from_millis(2);

/// The name of the threads.
const THREAD: &str = "ndsharray-wait";

static THREADS: OfProcess<Threads> = OfProcess::new(Threads::new());

struct Threads {
    all: Vec<Thread>,
    next_id: u64,
}

struct Thread {
    id: u64,
    bell: Arc<Doorbell>,
    tags: BTreeMap<Key, Tag>,
}

/// A tag is a header under a name.
type Key = (FileId, Arc<Path>);

struct Tag {
    header: Arc<Header>,
    /// The key that the thread sleeps on; `None` if it does not know this tag yet.
    asleep_on: Option<u32>,
    callers: Callers<Seen>,
    /// Whether there were callers when the thread looked last. If so, the tag stays for one more sleep, since most
    /// callers come back.
    was_waited_for: bool,
}

/// What a caller has seen.
pub(crate) struct Seen {
    /// The key of the header's event count.
    pub key: u32,
    /// The file that its name refers to.
    pub file: Option<FileId>,
}

impl Threads {
    const fn new() -> Self {
        Threads { all: Vec::new(), next_id: 0 }
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The thread that has the tag, or has room for it, or a new one.
    fn place(&mut self, key: &Key) -> std::io::Result<&mut Thread> {
        let of_tag = self.all.iter().position(|thread| thread.tags.contains_key(key));
        let with_room = || self.all.iter().position(|thread| thread.tags.len() < MOST_TAGS);
        let index = match of_tag.or_else(with_room) {
            Some(index) => index,
            None => {
                let (id, bell) = (self.next_id(), Doorbell::new());
                let of_thread = bell.clone();
                thread::spawn(THREAD, move || run(id, &of_thread))?;
                self.all.push(Thread { id, bell, tags: BTreeMap::new() });
                self.all.len() - 1
            }
        };
        Ok(&mut self.all[index])
    }

    fn get(&mut self, id: u64) -> Option<&mut Thread> {
        self.all.iter_mut().find(|thread| thread.id == id)
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::new()
    }
}

/// A caller that waits for a tag, until this is dropped.
pub(crate) struct Waiting {
    key: Key,
    id: u64,
    generation: u64,
}

/// Arranges that `waker` is woken when the event count of `header` is no longer the one `seen`, or `name` refers to another file
/// than the one `seen`. It is also woken now and then while `name` refers to another file than the header.
pub(crate) fn wait(header: &Arc<Header>, name: &Arc<Path>, seen: Seen, waker: Waker) -> Result<Waiting> {
    let key = (header.file(), name.clone());
    let mut threads = THREADS.lock();
    let id = threads.next_id();
    let started = |error| Error::io(name, "start a thread that waits for it", error);
    let thread = threads.place(&key).map_err(started)?;
    let tag = thread.tags.entry(key.clone()).or_insert_with(|| Tag {
        header: header.clone(),
        asleep_on: None,
        callers: Callers::new(),
        was_waited_for: false,
    });
    let is_known = tag.asleep_on == Some(seen.key);
    tag.callers.add(id, seen, waker);
    let bell = thread.bell.clone();
    drop(threads);
    if !is_known {
        bell.ring();
    }
    Ok(Waiting { key, id, generation: fork::generation() })
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            return;
        }
        let mut threads = THREADS.lock();
        let mut tags = threads.all.iter_mut().filter_map(|thread| thread.tags.get_mut(&self.key));
        let waker = tags.find_map(|tag| tag.callers.remove(self.id));
        drop(threads);
        drop(waker);
    }
}

/// A tag that the thread is going to sleep on.
struct Sleep {
    header: Arc<Header>,
    key: u32,
    name: Arc<Path>,
}

/// A thread.
fn run(id: u64, bell: &Doorbell) {
    let (mut idle_since, mut looked_at) = (Instant::now(), Instant::now());
    let generation = fork::generation();
    // If a waker forked, the child gets here too. It must stop: this thread is not in the child's list.
    while generation == fork::generation() {
        let rung = bell.key();
        let sleeps = prepare(id);
        if sleeps.is_empty() {
            if idle_since.elapsed() >= LINGER && end(id) {
                return;
            }
            futex::wait(bell.word(), rung, LINGER);
            continue;
        }
        idle_since = Instant::now();
        let until_look = LOOK_EVERY.saturating_sub(looked_at.elapsed());
        if until_look.is_zero() {
            looked_at = Instant::now();
            look(id, &sleeps);
        } else {
            sleep(&sleeps, bell, rung, until_look);
        }
    }
}

/// Wakes the callers whose tag has a new value, and returns what to sleep on for the others.
fn prepare(id: u64) -> Vec<Sleep> {
    let (mut sleeps, mut woken, mut unused) = (Vec::new(), Vec::new(), Vec::new());
    let mut threads = THREADS.lock();
    if let Some(thread) = threads.get(id) {
        for (key, tag) in &mut thread.tags {
            let now = tag.header.event_count().prepare();
            let is_waited_for = !tag.callers.is_empty();
            tag.callers.take(|seen| seen.key != now, &mut woken);
            if std::mem::replace(&mut tag.was_waited_for, is_waited_for) || is_waited_for {
                tag.asleep_on = Some(now);
                sleeps.push(Sleep { header: tag.header.clone(), key: now, name: key.1.clone() });
            } else {
                unused.push(key.clone());
            }
        }
        let removed: Vec<_> = unused.iter().map(|key| thread.tags.remove(key)).collect();
        drop(threads);
        // This unmaps the headers, so it is done without the lock.
        drop(removed);
    }
    wake(woken);
    sleeps
}

fn sleep(sleeps: &[Sleep], bell: &Doorbell, rung: u32, until_look: Duration) {
    let mut timeout = until_look;
    let mut words = Vec::with_capacity(sleeps.len() + 1);
    for Sleep { header, key, .. } in sleeps {
        if header.announces() {
            header.event_count().announce();
        } else {
            timeout = SHORT.min(until_look);
        }
        words.push((header.event_count().seq, *key));
    }
    words.push((bell.word(), rung));
    if !futex::wait_any(&words, timeout) {
        // A kernel without FUTEX_WAITV.
        futex::wait(bell.word(), rung, SHORT.min(until_look));
    }
}

/// Wakes the callers whose name refers to another file now.
fn look(id: u64, sleeps: &[Sleep]) {
    let found = |sleep: &Sleep| status_at(&sleep.name).ok().flatten().map(|file| file.id);
    let found: Vec<_> = sleeps.iter().map(found).collect();
    let mut woken = Vec::new();
    let mut threads = THREADS.lock();
    if let Some(thread) = threads.get(id) {
        for (sleep, found) in sleeps.iter().zip(found) {
            let own = sleep.header.file();
            if let Some(tag) = thread.tags.get_mut(&(own, sleep.name.clone())) {
                let is_stale = |seen: &Seen| found != seen.file || found.is_some_and(|found| found != own);
                tag.callers.take(is_stale, &mut woken);
            }
        }
    }
    drop(threads);
    wake(woken);
}

/// Takes a thread off the list, unless it has a tag by now; true if the thread must end.
fn end(id: u64) -> bool {
    let mut threads = THREADS.lock();
    let before = threads.all.len();
    threads.all.retain(|thread| thread.id != id || !thread.tags.is_empty());
    threads.all.len() < before
}
