//! Readers that check everything that they see, in each of the ways to read.

use std::time::Duration;

use ndsharray::{Error, Reader, Store, wait_any};

use super::process::{say, stopping};
use super::values::{Held, check_snapshot, check_view};

/// What a reader has seen of the versions.
#[derive(Default)]
pub struct Seen {
    pub first: u64,
    pub last: u64,
    pub returned: u64,
}

impl Seen {
    /// A value that may be the same as last time.
    pub fn some(&mut self, version: u64) {
        assert!(version >= self.last, "version {version} after {}", self.last);
        if version > self.last {
            self.newer(version);
        }
    }

    /// A value that must be newer.
    pub fn newer(&mut self, version: u64) {
        assert!(version > self.last, "version {version} after {}", self.last);
        if self.returned == 0 {
            self.first = version;
        }
        self.last = version;
        self.returned += 1;
    }
}

/// Role: reads "a" until it is told to end and has seen some values, in one of the ways to read.
pub fn read(store: &Store, way: &str, keep: usize) {
    if let Err(reason) = give_up_permission(store, way) {
        return say(format!("skip {reason}"));
    }
    let mut reader = store.reader("a").unwrap();
    let mut other = store.reader("b").ok();
    let mut held = Held::new("a", keep);
    let mut seen = Seen::default();
    let (mut others_seen, mut contended) = (Seen::default(), 0);
    say("ready");
    while !(stopping() && seen.returned >= 20 && (way != "wait_any" || others_seen.returned >= 20)) {
        match way {
            "view" => views(&reader, &mut seen),
            "latest" => {
                let snapshot = reader.latest().unwrap();
                seen.some(snapshot.version());
                held.hold(snapshot);
            }
            "wait" => {
                let snapshot = reader.wait(None).unwrap().unwrap();
                seen.newer(snapshot.version());
                held.hold(snapshot);
            }
            "wait_any" => {
                let other = other.as_mut().unwrap();
                let ready = wait_any(&mut [&mut reader, other], None).unwrap().unwrap();
                let snapshot = [&mut reader, other][ready].read().unwrap().expect("wait_any said so");
                if ready == 0 {
                    seen.newer(snapshot.version());
                    held.hold(snapshot);
                } else {
                    others_seen.newer(snapshot.version());
                    check_snapshot("b", &snapshot);
                }
            }
            // As "read", but as another user, or on a read-only mount.
            "uid" | "mount" => match reader.wait(Duration::from_secs(60)) {
                Ok(Some(snapshot)) => {
                    assert!(snapshot.is_copy());
                    seen.newer(snapshot.version());
                    held.hold(snapshot);
                }
                Ok(None) => panic!("nothing new for a minute"),
                // The documented error of a reader whose copies the writer overtakes each time.
                Err(Error::Contended { .. }) => contended += 1,
                Err(error) => panic!("{error}"),
            },
            "read" => {
                if let Some(snapshot) = reader.read().unwrap() {
                    seen.newer(snapshot.version());
                    held.hold(snapshot);
                }
            }
            _ => panic!("{way}"),
        }
        if seen.returned % 64 == 0 {
            held.check();
        }
    }
    held.check();
    if !["view", "latest"].contains(&way) {
        let versions = seen.last - seen.first + 1;
        assert_eq!(seen.returned + reader.missed(), versions, "returned {}", seen.returned);
    }
    say(format!("{way}: {} values up to version {}, contended {contended}", seen.returned, seen.last));
}

/// Two views at a time, the older one checked again.
fn views(reader: &Reader, seen: &mut Seen) {
    let older = reader.view().unwrap();
    check_view("a", &older);
    let newer = reader.view().unwrap();
    check_view("a", &newer);
    check_view("a", &older);
    seen.some(older.version());
    seen.some(newer.version());
}

/// For the ways that copy: this process may not write to the store any more. `Err` if that cannot be arranged.
pub fn give_up_permission(store: &Store, way: &str) -> Result<(), String> {
    let refused = |what: &str| format!("{what} needs root: {}", std::io::Error::last_os_error());
    match way {
        "uid" => {
            const NOBODY: u32 = 65534;
            // SAFETY: plain system calls, in a process with one thread that does anything.
            let done = unsafe { libc::setresgid(NOBODY, NOBODY, NOBODY) } == 0
                // SAFETY: as above.
                && unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) } == 0;
            if done { Ok(()) } else { Err(refused("another user")) }
        }
        "mount" => {
            use std::os::unix::ffi::OsStrExt;
            let path = std::ffi::CString::new(store.directory().as_os_str().as_bytes()).unwrap();
            let mount = |on: &std::ffi::CStr, flags| {
                let (from, none) = (on.as_ptr(), std::ptr::null());
                // SAFETY: strings that end with NUL and live for the call, and no data.
                unsafe { libc::mount(from, on.as_ptr(), none, flags, none.cast()) == 0 }
            };
            // SAFETY: gives this process mounts of its own.
            let done = unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0
                && mount(c"/", libc::MS_REC | libc::MS_PRIVATE)
                && mount(&path, libc::MS_BIND)
                && mount(&path, libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY);
            if done { Ok(()) } else { Err(refused("a read-only mount")) }
        }
        _ => Ok(()),
    }
}
