//! Filesystems and processes that storage is hard to get in: hugetlbfs, and a timer whose signals interrupt every long call.

use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use crate::common::sandbox::{fails, files, in_child, run, skip, with_mounts};
use crate::common::test_name;

/// hugetlbfs has no small pages, and calls itself full when it is asked for some.
#[test]
fn hugetlbfs_is_not_supported() {
    let test = test_name!();
    let Some(dir) = with_mounts(test, "") else { return };
    if !run("mount", &[&"-t", &"hugetlbfs", &"none", &dir]) {
        return skip(test, "hugetlbfs cannot be mounted here");
    }
    let store = Store::open(&dir).unwrap();
    for takeover in [false, true] {
        let error = fails(store.writer_options("a").takeover(takeover).open(), dir.to_str().unwrap());
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains("hugetlbfs"), "{error}");
    }
    assert_eq!(files(&dir), [""; 0]);
}

extern "C" fn count(_: libc::c_int) {
    SIGNALS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

static SIGNALS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// Has a signal sent to this thread each millisecond, which interrupts its system calls. (One that is sent to the process goes
/// to its first thread, which only waits for this one.)
fn start_timer() {
    let millisecond = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let times = libc::itimerspec { it_interval: millisecond, it_value: millisecond };
    // SAFETY: a handler that does nothing but count; 0 is a value of each field, and no SA_RESTART is among the flags. The
    // structures live for the calls.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
        let mut event: libc::sigevent = std::mem::zeroed();
        (event.sigev_notify, event.sigev_signo) = (libc::SIGEV_THREAD_ID, libc::SIGALRM);
        event.sigev_notify_thread_id = libc::gettid();
        let mut timer: libc::timer_t = std::mem::zeroed();
        assert_eq!(libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer), 0);
        assert_eq!(libc::timer_settime(timer, 0, &raw const times, std::ptr::null_mut()), 0);
    }
}

/// A large file wants storage that takes the kernel many milliseconds, and a signal undoes what one call has done.
#[test]
fn a_timer_does_not_starve_growth() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    let free = fs2::available_space(&dir).unwrap() as usize;
    let length = (512 << 20).min(free / 4);
    writer.write_slice(&[1_u8], &[1]).unwrap();
    start_timer();
    let start = Instant::now();
    let mut loan = writer.loan::<u8>(&[length]).unwrap();
    let took = start.elapsed();
    (loan.as_mut_slice()[0], loan.as_mut_slice()[length - 1]) = (2, 3);
    assert_eq!(loan.publish().unwrap(), 2);
    let value = store.reader("a").unwrap().latest().unwrap();
    assert_eq!((value.bytes()[0], value.bytes()[length - 1]), (2, 3));
    let signals = SIGNALS.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "\nfigures: {} MiB of storage in {took:?}, with a signal each millisecond: {signals}",
        length >> 20
    );
    assert!(took < Duration::from_millis(10) || signals > 5, "it was to be interrupted");
}
