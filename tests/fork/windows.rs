//! Forks at two awkward instants of another thread: while it is the first to use the library, and when it drops a value
//! that was already counted for the child. The child can use the library, and no pin is left.
//!
//! A binary of its own: it puts a function of its own in the place of the C library's `pthread_atfork`.
#![cfg(target_env = "gnu")]

use std::sync::atomic::{AtomicU32, Ordering};

use ndsharray::Store;

#[path = "../common/mod.rs"]
mod common;
use common::forking::{fork, join};
use common::process::{Process, Watchdog, place, role};
use common::sandbox::store;
use common::test_name;

/// Starts one of the roles below.
fn start(role: &str, store: &Store) -> Process {
    Process::start(test_name!(child), role, store.directory())
}

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    match &role[..] {
        "first-use" => first_use(&store),
        "let-go" => let_go(&store),
        _ => panic!("{role}?"),
    }
}

type Handler = Option<unsafe extern "C" fn()>;

unsafe extern "C" {
    fn __register_atfork(
        before: Handler,
        parent: Handler,
        child: Handler,
        of: *mut libc::c_void,
    ) -> libc::c_int;
}

/// 1: the next thread that registers handlers sets 2, and waits there for 3.
static REGISTERING: AtomicU32 = AtomicU32::new(0);

fn wait_for(state: &AtomicU32, value: u32) {
    while state.load(Ordering::SeqCst) != value {
        std::thread::yield_now();
    }
}

/// What the library calls, in place of the C library's.
///
/// # Safety
/// As that.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_atfork(before: Handler, parent: Handler, child: Handler) -> libc::c_int {
    if REGISTERING.compare_exchange(1, 2, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        wait_for(&REGISTERING, 3);
    }
    // SAFETY: by the contract; of no shared object, so for the life of the process.
    unsafe { __register_atfork(before, parent, child, std::ptr::null_mut()) }
}

/// Role: forks while another thread is in the middle of its first use of the library.
fn first_use(store: &Store) {
    REGISTERING.store(1, Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| drop(store.writer("a").unwrap()));
        wait_for(&REGISTERING, 2);
        join(fork(|| drop(store.writer("b").unwrap())));
        // This thread registers the handlers, and then that thread registers them once more.
        drop(store.writer("c").unwrap());
        REGISTERING.store(3, Ordering::SeqCst);
    });
    join(fork(|| drop(store.writer("d").unwrap())));
    for tag in ["a", "b", "c", "d"] {
        drop(store.writer(tag).unwrap());
    }
}

#[test]
fn a_child_is_forked_during_the_first_use() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("first-use", &store).end();
    assert_eq!(store.tags().unwrap(), ["a", "b", "c", "d"]);
}

/// 1: the other thread is to drop its value; 2: it has.
static LETTING_GO: AtomicU32 = AtomicU32::new(0);

/// Handlers that were registered first are called last before a fork: the library has counted.
unsafe extern "C" fn counted() {
    if LETTING_GO.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        wait_for(&LETTING_GO, 2);
    }
}

/// Role: another thread drops a snapshot or a view with its reader, and so the mapping, between count and fork.
fn let_go(store: &Store) {
    // SAFETY: a function of this program.
    unsafe { __register_atfork(Some(counted), None, None, std::ptr::null_mut()) };
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let pinned = || store.stat("a").unwrap().value.unwrap().slots.pinned;
    for views in [false, true] {
        LETTING_GO.store(2, Ordering::SeqCst);
        let ready = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let other = || {
                let reader = store.reader("a").unwrap();
                drop(reader.view().unwrap());
                let snapshot = (!views).then(|| reader.latest().unwrap());
                let view = views.then(|| reader.view().unwrap());
                ready.wait();
                wait_for(&LETTING_GO, 1);
                drop(view);
                drop((snapshot, reader));
                LETTING_GO.store(2, Ordering::SeqCst);
            };
            scope.spawn(other);
            ready.wait();
            assert_eq!(pinned(), 1);
            LETTING_GO.store(0, Ordering::SeqCst);
            join(fork(|| {}));
        });
        assert_eq!(pinned(), 0, "views: {views}");
    }
}

#[test]
fn what_is_let_go_between_count_and_fork_is_not_counted() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("let-go", &store).end();
}
