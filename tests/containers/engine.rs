//! Ways to make a container: `unshare` by hand, and the runtimes bubblewrap and crun, where they are installed. Each
//! container sees one directory, at a path of its own.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};

use crate::common::process::{Process, command, place};
use crate::common::sandbox::{directory, files, is_root, skip, under, works};

/// Where the directory is outside, to check that it is not seen there inside.
const OUTSIDE: &str = "NDSHARRAY_TEST_OUTSIDE";
/// Options for a new PID namespace. /proc stays that of the outside, as nothing here reads it.
const PID: [&str; 3] = ["--pid", "--fork", "--kill-child"];

#[derive(Clone, Copy, Debug)]
pub enum Engine {
    Unshare(&'static [&'static str]),
    /// As which user, if not the one that is outside.
    Bubblewrap(Option<u32>),
    Crun,
}

pub type Named = (&'static str, Engine);

const ALL: [Named; 6] = [
    ("mount+pid", Engine::Unshare(&["--mount"])),
    ("mount+pid+user", Engine::Unshare(&["--user", "--map-root-user", "--mount"])),
    (
        "mount+pid+user+ipc+uts+net",
        Engine::Unshare(&["--user", "--map-root-user", "--mount", "--ipc", "--uts", "--net"]),
    ),
    ("bubblewrap", Engine::Bubblewrap(None)),
    ("bubblewrap, uid 1234", Engine::Bubblewrap(Some(1234))),
    ("crun", Engine::Crun),
];

/// The pairs of containers to try: each kind with itself, and the first with each other.
pub fn pairs(test: &str) -> Vec<[Named; 2]> {
    let engines: Vec<Named> = ALL.into_iter().filter(|engine| is_here(test, engine)).collect();
    let same = engines.iter().map(|&engine| [engine, engine]);
    let mixed = engines.iter().skip(1).map(|&engine| [engines[0], engine]);
    same.chain(mixed).collect()
}

fn is_here(test: &str, &(name, engine): &Named) -> bool {
    let reason = match engine {
        Engine::Unshare(options) => {
            let probe = ["sh", "-c", "mount --bind /dev/shm /tmp && test $$ = 1"];
            let needs = if options.contains(&"--user") { "user namespaces" } else { "root" };
            let permitted = works(Command::new("unshare").args(options).args(PID).args(probe));
            if permitted { None } else { Some(format!("unshare is not permitted here; needs {needs}")) }
        }
        Engine::Bubblewrap(_) if !works(Command::new("bwrap").arg("--version")) => {
            Some("bwrap is not installed".to_owned())
        }
        Engine::Bubblewrap(uid) => {
            let permitted = works(Command::new("bwrap").args(bubblewrap(uid)).arg("true"));
            if permitted {
                None
            } else {
                Some("bwrap is not permitted here; needs user namespaces".to_owned())
            }
        }
        Engine::Crun if !works(Command::new("crun").arg("--version")) => {
            Some("crun is not installed".to_owned())
        }
        Engine::Crun if !is_root() => Some("crun: needs root as it is used here".to_owned()),
        Engine::Crun => {
            let dir = directory();
            let bundle = Bundle::new(dir.path(), "probe", &dir.path().join("probe"), dir.path(), false);
            let permitted = works(&mut bundle.run(&Command::new("/usr/bin/true")));
            if permitted { None } else { Some("crun cannot make a container here".to_owned()) }
        }
    };
    if let Some(reason) = &reason {
        skip(test, &format!("{name}: {reason}"));
    }
    reason.is_none()
}

/// A process in a container. Dropped, both end.
pub struct Side {
    process: Option<Process>,
    bundle: Option<Bundle>,
}

/// Starts a role of a test in a container of its own, in which `place/store` is seen as what `place()` says there.
pub fn start((_, engine): Named, read_only: bool, test: &str, role: &str, place: &Path) -> Side {
    let store = place.join("store");
    let mut bundle = None;
    let mut command = match engine {
        Engine::Unshare(options) => {
            let inside = place.join(role).join("store");
            std::fs::create_dir_all(&inside).unwrap();
            let mut setup = "mount --bind \"$1/../../store\" \"$1\"\n".to_owned();
            if read_only {
                setup += "mount -o remount,bind,ro \"$1\"\n";
            }
            setup += "mount -t tmpfs none \"$1/../../store\"\n";
            let options: Vec<_> = options.iter().chain(&PID).copied().collect();
            under(&options, &setup, test, role, &inside)
        }
        Engine::Bubblewrap(uid) => {
            let inside = Path::new("/dev/shm").join(role);
            let inner = command(test, role, &inside);
            let mut command = Command::new("bwrap");
            command.args(bubblewrap(uid)).arg(if read_only { "--ro-bind" } else { "--bind" });
            command.arg(&store).arg(&inside);
            // The test binary may have no path inside.
            command.arg("--ro-bind").arg(std::env::current_exe().unwrap()).args(["/dev/test", "/dev/test"]);
            command.args(inner.get_args());
            command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command
        }
        Engine::Crun => {
            let inside = Path::new("/dev/shm").join(role);
            let new = bundle.insert(Bundle::new(place, role, &inside, &store, read_only));
            new.run(&command(test, role, &inside))
        }
    };
    command.env(OUTSIDE, &store);
    Side { process: Some(Process::run(command)), bundle }
}

/// In a container: checks that it is one.
pub fn check() {
    assert_eq!(std::process::id(), 1, "PID 1 of its own namespace");
    let outside = PathBuf::from(std::env::var_os(OUTSIDE).unwrap());
    assert_ne!(outside, place());
    assert!(!outside.exists() || files(&outside) == [""; 0], "the directory is seen at one path only");
}

fn bubblewrap(uid: Option<u32>) -> Vec<String> {
    let all = "--unshare-all --as-pid-1 --die-with-parent --ro-bind / / --dev /dev --proc /proc";
    let user = uid.map(|uid| format!("--unshare-user --uid {uid} --gid {uid}")).unwrap_or_default();
    format!("{all} {user}").split_whitespace().map(str::to_owned).collect()
}

impl Side {
    /// Kills it with SIGKILL, by its engine if that does it. What is returned keeps its input open.
    pub fn kill(mut self) -> Option<ChildStdin> {
        let process = self.process.take().unwrap();
        match self.bundle.take() {
            None => process.kill(),
            Some(bundle) => {
                assert!(bundle.crun(&["kill", bundle.id(), "KILL"]), "crun kill");
                process.reap()
            }
        }
    }

    pub fn end(mut self) {
        self.process.take().unwrap().end();
    }
}

impl Deref for Side {
    type Target = Process;
    fn deref(&self) -> &Process {
        self.process.as_ref().unwrap()
    }
}

impl DerefMut for Side {
    fn deref_mut(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }
}

/// An OCI bundle: a directory with a configuration and an empty root, into which parts of this machine's are mounted.
struct Bundle {
    path: PathBuf,
    mounts: String,
}

impl Bundle {
    fn new(place: &Path, role: &str, inside: &Path, store: &Path, read_only: bool) -> Bundle {
        let path = place.join(format!("{role}.bundle"));
        std::fs::create_dir_all(path.join("root")).unwrap();
        let bind = |from: &Path, to: &Path, mode: &str| {
            format!(
                r#", {{"destination": {to:?}, "type": "bind", "source": {from:?}, "options": ["rbind", "{mode}"]}}"#
            )
        };
        let mut mounts = String::from(
            r#"{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}"#,
        );
        for system in
            ["/usr", "/bin", "/lib", "/lib64"].map(Path::new).into_iter().filter(|path| path.exists())
        {
            mounts += &bind(system, system, "ro");
        }
        mounts += &bind(&std::env::current_exe().unwrap(), Path::new("/test"), "ro");
        mounts += &bind(store, inside, if read_only { "ro" } else { "rw" });
        Bundle { path, mounts }
    }

    /// The command that runs another one in the container.
    fn run(&self, inner: &Command) -> Command {
        let own = inner.get_program() == "/proc/self/exe";
        let program = if own { "/test".into() } else { inner.get_program().to_string_lossy().into_owned() };
        let arguments = inner.get_args().map(|argument| argument.to_string_lossy().into_owned());
        let arguments: Vec<String> = std::iter::once(program).chain(arguments).collect();
        let outside = self.path.parent().unwrap().join("store");
        let set = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let environment: Vec<String> = set
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .chain([format!("{OUTSIDE}={}", outside.display())])
            .collect();
        let configuration = format!(
            r#"{{"ociVersion": "1.0.0", "root": {{"path": "root", "readonly": true}}, "mounts": [{}],
            "process": {{"user": {{"uid": 0, "gid": 0}}, "cwd": "/", "args": {arguments:?}, "env": {environment:?}}},
            "linux": {{"namespaces": [{{"type": "pid"}}, {{"type": "ipc"}}, {{"type": "uts"}}, {{"type": "mount"}}]}}}}"#,
            self.mounts
        );
        std::fs::write(self.path.join("config.json"), configuration).unwrap();
        // Some versions of crun refuse a machine that has cgroups of both versions. They look at this path.
        let script = "mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; exec crun \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh", "--cgroup-manager=disabled", "--root"]);
        command.arg(self.path.join("state")).args(["run", "--bundle"]).arg(&self.path).arg(self.id());
        command
    }

    fn id(&self) -> &str {
        self.path.file_name().unwrap().to_str().unwrap()
    }

    fn crun(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new("crun");
        command.arg("--root").arg(self.path.join("state")).args(arguments);
        works(&mut command)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // This fails if the container ended by itself, when nothing is left of it.
        self.crun(&["delete", "--force", self.id()]);
    }
}
