//! Which cgroup is charged for a store's memory: that of the process that allocates it, which is always the writer. A
//! writer that goes over its limit is killed, and loses nothing but the value that it was writing.

use std::path::{Path, PathBuf};

use ndsharray::Store;

use crate::common::process::{Process, Watchdog, hear, in_role, place, role, say};
use crate::common::sandbox::{directory, is_root, skip};
use crate::common::test_name;

const MIB: usize = 1 << 20;

/// A cgroup, removed when it is dropped.
struct Group {
    path: PathBuf,
    usage: &'static str,
    limit: &'static str,
}

impl Group {
    fn new(name: &str) -> Option<Group> {
        let name = format!("ndsharray-test-{}-{name}", std::process::id());
        // The usual places of version 1 and version 2.
        for (root, usage, limit) in [
            ("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.current", "memory.max"),
        ] {
            let path = Path::new(root).join(&name);
            if std::fs::create_dir(&path).is_ok() {
                let group = Group { path, usage, limit };
                if group.path.join(usage).exists() {
                    return Some(group);
                }
            }
        }
        None
    }

    fn mib(&self) -> usize {
        let text = std::fs::read_to_string(self.path.join(self.usage)).unwrap();
        text.trim().parse::<usize>().unwrap() / MIB
    }

    fn limit(&self, bytes: usize) {
        std::fs::write(self.path.join(self.limit), bytes.to_string()).unwrap();
    }

    /// Starts a role of the test as a member from its first instruction.
    fn start(&self, test: &str, role: &str, place: &Path) -> Process {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo $$ > \"$1/cgroup.procs\" && shift && exec \"$@\"", "sh"]).arg(&self.path);
        command.arg(std::env::current_exe().unwrap());
        Process::run(in_role(command, test, role, place))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is busy for a moment after its last process has ended.
        for _ in 0..1000 {
            match std::fs::remove_dir(&self.path) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                _ => return,
            }
        }
    }
}

fn side(role: &str) {
    let store = Store::open(place()).unwrap();
    if role == "reader" {
        let reader = store.reader("a").unwrap();
        for _ in 0..2 {
            let value = reader.latest().unwrap();
            assert!(!value.is_copy() && value.bytes().iter().all(|&byte| byte == value.bytes()[0]));
            say("read");
            hear();
        }
        return;
    }
    let mut writer = store.writer("a").unwrap();
    loop {
        writer.write_slice(&vec![7_u8; 16 * MIB], &[16 * MIB]).unwrap();
        say("written");
        if hear() == "end" {
            return;
        }
    }
}

#[test]
fn the_writer_is_charged() {
    let test = test_name!();
    if let Some(role) = role() {
        return side(&role);
    }
    let _watchdog = Watchdog::new(test);
    if !is_root() {
        return skip(test, "needs root, to make cgroups");
    }
    let (Some(writers), Some(readers)) = (Group::new("writer"), Group::new("reader")) else {
        return skip(test, "there is no memory cgroup that can be changed here");
    };
    let dir = directory();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = writers.start(test, "writer", dir.path());
    writer.expect("written");
    let mut reader = readers.start(test, "reader", dir.path());
    reader.expect("read");
    let (one, own) = (writers.mib(), readers.mib());
    assert!(one >= 16 && own < 16, "the writer's {one} MiB, the reader's {own} MiB, for one slot of 16 MiB");
    writer.tell("again");
    writer.expect("written");
    reader.tell("again");
    reader.expect("read");
    let (two, own) = (writers.mib(), readers.mib());
    assert!(two >= 32 && own < 16, "the writer's {two} MiB, the reader's {own} MiB, for two slots of 16 MiB");
    println!("\nfigures: two slots of 16 MiB: charged to the writer {two} MiB, to the reader {own} MiB");
    // The writer's group stays charged after the writer has ended.
    writer.tell("end");
    writer.end();
    let left = writers.mib();
    assert!(left >= 32, "{left} MiB");
    if std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1) {
        return skip(test, "going over the limit: there is swap, which would take what is over it");
    }
    // The next writer of that group goes over the limit: one value is held and another one is the last, so there must be a
    // third slot.
    let held = store.reader("a").unwrap().latest().unwrap();
    writers.limit((left + 24) * MIB);
    let mut writer = writers.start(test, "writer", dir.path());
    writer.expect("written");
    // Its own copy of the value and a third slot are more than 24 MiB.
    writer.tell("again");
    let status = writer.dies();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{status}");
    reader.tell("end");
    reader.end();
    assert!(held.bytes().iter().all(|&byte| byte == 7));
    let mut next = store.writer("a").unwrap();
    assert_eq!(next.version(), 3, "the last value is kept");
    assert!(store.reader("a").unwrap().latest().unwrap().bytes() == held.bytes());
    assert_eq!(next.write_slice(&[8_u8; 10], &[10]).unwrap(), 4);
    drop((held, next));
    store.remove("a").unwrap();
    assert!(writers.mib() < 16, "what is removed is charged to nobody");
}
