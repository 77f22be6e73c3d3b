//! A steady stream allocates nothing, and makes no system call.
//!
//! A binary of its own, since it replaces the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use ndsharray::{Reader, Store, Writer};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One at a time: a child that is forked while the other test holds a value inherits the pin, and ends without giving
/// it back, which costs the stream another slot.
static ALONE: Mutex<()> = Mutex::new(());

const DATA: [u32; 1000] = [7; 1000];

/// A writer and a reader past their first values: two slots, mapped and warm on both sides.
fn stream(store: &Store) -> (Writer, Reader) {
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    for _ in 0..4 {
        writer.write_slice(&DATA, &[10, 100]).unwrap();
        assert_eq!(reader.view().unwrap().as_slice::<u32>().unwrap(), DATA);
        assert_eq!(reader.read().unwrap().unwrap().as_slice::<u32>().unwrap(), DATA);
    }
    (writer, reader)
}

/// One value, written and read in every way.
fn step(writer: &mut Writer, reader: &mut Reader) -> u64 {
    writer.write_slice(&DATA, &[10, 100]).unwrap();
    let view = reader.view().unwrap().bytes().len();
    let latest = reader.latest().unwrap().bytes().len();
    let read = reader.read().unwrap().unwrap();
    (view + latest + read.clone().bytes().len()) as u64 + read.version()
}

#[test]
fn a_steady_stream_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (mut writer, mut reader) = stream(&store);
    let before = ALLOCATIONS.get();
    drop(vec![1_u8]);
    assert_eq!(ALLOCATIONS.get(), before + 1, "the allocator counts");
    let before = ALLOCATIONS.get();
    let start = std::time::Instant::now();
    let mut looks = 0;
    for _ in 0..1000 {
        step(&mut writer, &mut reader);
        // Once a second the writer looks whether its files still have their names, which takes paths.
        looks = start.elapsed().as_secs() + 1;
    }
    let allocated = ALLOCATIONS.get() - before;
    assert!(allocated <= 8 * (looks - 1), "{allocated} allocations in 1000 steps");
}

/// A seccomp filter kills the process at any system call but `exit`.
#[test]
fn a_steady_stream_makes_no_system_call() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(in_child(|| without_system_calls(|| drop(std::fs::metadata("/")))), Some(libc::SIGSYS));
    // Few steps, so that the look at the files that is due after a second stays out even on a busy machine.
    let outcome = in_child(|| {
        let (mut writer, mut reader) = stream(&store);
        without_system_calls(|| {
            for _ in 0..100 {
                step(&mut writer, &mut reader);
            }
            for _ in 0..10 {
                std::hint::black_box(reader.view().unwrap().bytes());
                std::hint::black_box(reader.latest().unwrap().bytes());
            }
            for _ in 0..10 {
                let mut loan = writer.loan::<u32>(&[10, 100]).unwrap();
                loan.as_mut_slice()[0] += 1;
                loan.publish().unwrap();
            }
        });
    });
    assert_eq!(outcome, None, "the signal that ended it");
}

/// Runs `work` under the filter and ends the process.
fn without_system_calls(work: impl FnOnce()) -> ! {
    let instruction = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    // Load the call's number (at offset 0 of seccomp_data); let `exit` through, kill at everything else.
    let filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_exit as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: affects the calling process alone, which ends here; the program outlives the call that copies it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
        work();
        libc::syscall(libc::SYS_exit, 0);
    }
    unreachable!("exit returned")
}

/// Runs `child` in a forked process, and returns the signal that ended it.
fn in_child(child: impl FnOnce()) -> Option<i32> {
    // SAFETY: the child runs code that takes no lock another thread of this process may have held over the fork,
    // but for the allocator's, which glibc sets free in the child.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork");
    if pid == 0 {
        child();
        // SAFETY: ends the child with its parent's state untouched.
        unsafe { libc::_exit(1) };
    }
    let mut status = 0;
    // SAFETY: waits for the child just made; the status is ours.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) {
        return Some(libc::WTERMSIG(status));
    }
    assert_eq!(libc::WEXITSTATUS(status), 0, "the child's exit code");
    None
}
