//! The program `ndsharray-mirror`: what it says, and how it ends.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ndsharray::Store;

/// Far more than any step takes: what takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn store(&self) -> Store {
        Store::open(self.0.path()).unwrap()
    }

    fn start(&self, args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndsharray-mirror"));
        command.args(args).env("NDSHARRAY_DIR", self.0.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.start(args).end()
    }
}

struct Running(Option<Child>);

impl Running {
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.0.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    #[track_caller]
    fn end(mut self) -> Output {
        let begun = Instant::now();
        let mut child = self.0.take().unwrap();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > WATCHDOG {
                let _ = child.kill();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < WATCHDOG, "waited for nothing: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn endpoint() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp/{}", free.local_addr().unwrap())
}

fn status_of(store: &Store) -> bool {
    store.tags().unwrap().iter().any(|tag| tag.starts_with("ndsharray-mirror-"))
}

#[test]
fn wrong_requests_are_one_line_and_exit_2() {
    let place = Place::new();
    let holds = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = format!("tcp/{}", holds.local_addr().unwrap());
    let wrong = place.0.path().join("wrong.json5");
    std::fs::write(&wrong, "{ mode:\n").unwrap();
    let unknown = place.0.path().join("unknown.json5");
    std::fs::write(&unknown, "{ nonsense: 1 }").unwrap();
    let no_key = place.0.path().join("no_key.json5");
    std::fs::write(&no_key, "{ transport: { link: { tls: { connect_private_key: '/nowhere/desk.key' } } } }")
        .unwrap();
    let [wrong, unknown, no_key] = [&wrong, &unknown, &no_key].map(|path| path.to_str().unwrap());
    let rows: &[(&[&str], &[&str])] = &[
        (&[], &["nothing to do", "--offer PATTERN"]),
        (&["--nonsense"], &["--nonsense", "usage"]),
        (&["--take"], &["--take", "value"]),
        (&["status", "more"], &["more", "usage"]),
        (&["--take", "[a"], &["[a", "no pattern"]),
        (&["--offer", "a", "--name", ""], &["name of a host", "empty"]),
        (&["--take", "a", "--prefix", "a/"], &["a/", "prefix"]),
        (&["--take", "a", "--prefix", ".a"], &[".a", "prefix"]),
        (&["--take", "a", "--max-size", "many"], &["many", "256M"]),
        (&["--take", "a", "--max-rate", "a=0"], &["a=0", "values per second"]),
        (&["--take", "a", "--max-rate", "a=NaN"], &["a=NaN", "values per second"]),
        (&["--take", "a", "--dir", "/nowhere"], &["/nowhere"]),
        (&["--offer", "a", "--listen", "foo"], &["foo", "tcp/0.0.0.0:7447"]),
        (&["--offer", "a", "--listen", "tcp/127.0.0.1"], &["tcp/127.0.0.1"]),
        (&["--offer", "a", "--listen", "udp/127.0.0.1:0"], &["udp/127.0.0.1:0", "neither tcp nor tls"]),
        (&["--offer", "a", "--listen", "tls/127.0.0.1:0"], &["tls/127.0.0.1:0", "Missing TLS private key"]),
        (&["--offer", "a", "--listen", "tcp/no-such-host.invalid:7447"], &["no-such-host.invalid"]),
        (&["--offer", "a", "--listen", &held], &[&held, "in use"]),
        (&["--take", "a", "--connect", "foo"], &["foo", "tcp/robot:7447"]),
        (&["--take", "a", "--connect", "udp/127.0.0.1:1"], &["udp/127.0.0.1:1", "udp"]),
        (&["--take", "a", "--zenoh-config", "/nowhere.json5"], &["/nowhere.json5", "No such file"]),
        (&["--take", "a", "--zenoh-config", wrong], &[wrong, "line 2: expected"]),
        (&["--take", "a", "--zenoh-config", unknown], &[unknown, "nonsense"]),
        (
            &["--take", "a", "--zenoh-config", no_key],
            &["/nowhere/desk.key", "connect_private_key", "No such file"],
        ),
        (&["--take", "a"], &["no other host", "--connect"]),
        (&["--offer", "a", "--keep", "--scout"], &["--take"]),
        (&["--offer", "a", "--every", "a", "--scout"], &["--take"]),
    ];
    for (args, words) in rows {
        let output = place.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert_eq!((text.lines().count(), output.stdout.as_slice()), (1, &b""[..]), "{args:?}: {text}");
        assert!(text.starts_with("ndsharray: ") && !text.contains(".rs:"), "{args:?}: {text}");
        for word in *words {
            assert!(text.contains(word), "{args:?}: no {word:?} in {text}");
        }
        println!("{}", text.trim_end());
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let place = Place::new();
    for (args, word) in [(&["--help"], "--offer"), (&["--version"], "2.")] {
        let output = place.run(args);
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(String::from_utf8(output.stdout).unwrap().contains(word));
    }
}

#[test]
fn an_open_endpoint_is_said_and_a_near_one_is_not() {
    let place = Place::new();
    for (listen, is_open) in [
        ("tcp/0.0.0.0:0", true),
        ("tcp/[::]:0", true),
        ("tcp/127.0.0.1:0", false),
        ("tcp/[::1]:0", false),
        ("tcp/localhost:0", false),
    ] {
        let running = place.start(&["--offer", "a", "--listen", listen]);
        until("a status", || status_of(&place.store()));
        running.signal(rustix::process::Signal::TERM);
        let text = String::from_utf8(running.end().stderr).unwrap();
        if text.contains("cannot") && listen.contains("[::") {
            println!("\nskipped: no IPv6 here: {text}");
            continue;
        }
        assert_eq!(text.contains(&format!("{listen} is open")), is_open, "{listen}: {text}");
        assert_eq!(text.lines().count(), usize::from(is_open), "{text}");
    }
}

#[test]
fn a_host_that_is_not_known_is_said_once() {
    let place = Place::new();
    let nobody = endpoint();
    let running =
        place.start(&["--take", "a", "--connect", "tcp/no-such-host.invalid:7447", "--connect", &nobody]);
    until("a status", || status_of(&place.store()));
    std::thread::sleep(Duration::from_secs(8));
    running.signal(rustix::process::Signal::INT);
    let output = running.end();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("\"no-such-host.invalid\" is not known"), "{text}");
    assert!(text.contains(&format!("no mirror answers at {nobody}")), "{text}");
}

#[test]
fn a_client_ends_also_if_there_is_no_router() {
    let (place, nobody) = (Place::new(), endpoint());
    let client = place.0.path().join("client.json5");
    std::fs::write(&client, "{ mode: 'client' }").unwrap();
    let running =
        place.start(&["--take", "a", "--connect", &nobody, "--zenoh-config", client.to_str().unwrap()]);
    std::thread::sleep(Duration::from_secs(6));
    running.signal(rustix::process::Signal::TERM);
    let output = running.end();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(
        text,
        format!("ndsharray: no mirror answers at {nobody} so far; it is tried again and again\n")
    );
}

#[test]
fn a_mirror_that_was_killed_has_no_status() {
    let place = Place::new();
    let running = place.start(&["--offer", "a", "--listen", "tcp/127.0.0.1:0"]);
    until("a status", || !place.run(&["status", "--json"]).stdout.is_empty());
    running.signal(rustix::process::Signal::KILL);
    running.end();
    assert!(place.run(&["status", "--json"]).stdout.is_empty());
}

#[test]
fn signals_end_it_soon_also_if_the_other_end_hangs() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM, rustix::process::Signal::HUP]
    {
        let (robot, desk, at) = (Place::new(), Place::new(), endpoint());
        let mut writer = robot.store().writer("cam").unwrap();
        let offering = robot.start(&["--offer", "cam", "--listen", &at]);
        let taking = desk.start(&["--take", "cam", "--connect", &at]);
        until("a value", || {
            writer.write_slice(&[1_u8; 1 << 20], &[1 << 20]).unwrap();
            desk.store().stat("cam").is_ok_and(|stat| stat.value.is_some())
        });
        // As if the link were cut: nothing is taken from the connection, nothing comes.
        offering.signal(rustix::process::Signal::STOP);
        let begun = Instant::now();
        taking.signal(signal);
        let output = taking.end();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert_eq!(desk.store().tags().unwrap(), Vec::<String>::new(), "what was taken went with it");
        offering.signal(rustix::process::Signal::CONT);
        offering.signal(signal);
        assert!(offering.end().status.success());
        assert!(!status_of(&robot.store()));
    }
}

#[test]
fn the_status_tells_of_all_mirrors() {
    let (robot, desk, at) = (Place::new(), Place::new(), endpoint());
    let none = robot.run(&["status"]);
    assert!(String::from_utf8(none.stdout).unwrap().starts_with("no mirror runs in /dev/shm/"));
    assert!(robot.run(&["status", "--json"]).stdout.is_empty());
    let mut writer = robot.store().writer("cam").unwrap();
    let _offering = robot.start(&["--offer", "cam", "--listen", &at, "--name", "robot"]);
    let _taking = desk.start(&["--take", "cam", "--connect", &at]);
    let _second = desk.start(&["--take", "cam", "--connect", &at, "--prefix", "second."]);
    let mut count = 0_u64;
    let mut statuses = |place: &Place, writer: &mut ndsharray::Writer| -> Vec<serde_json::Value> {
        count += 1;
        writer.write_slice(&[count], &[1]).unwrap();
        let text = String::from_utf8(place.run(&["status", "--json"]).stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    until("two that take", || {
        let found = statuses(&desk, &mut writer);
        let values = |at: usize| found[at]["taken"]["tags"][0]["values"].as_u64().unwrap_or(0);
        found.len() == 2 && values(0) > 0 && values(1) > 0
    });
    until("receivers", || {
        let found = statuses(&robot, &mut writer);
        let receivers = found[0]["offered"]["receivers"].as_array().unwrap();
        receivers.len() == 2 && receivers.iter().all(|to| to["values"].as_u64().unwrap() > 0)
    });
    let text = String::from_utf8(desk.run(&["status"]).stdout).unwrap();
    assert!(text.contains("takes from robot") && text.contains("second.cam"), "{text}");
}

#[test]
fn zenoh_says_nothing_unless_it_is_asked_to() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndsharray-mirror"));
    command.args(["--take", "a", "--connect", &endpoint()]).env("NDSHARRAY_DIR", place.0.path());
    let mut child =
        command.env("RUST_LOG", "debug").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut some = [0; 100];
    let read = child.stdout.take().unwrap().read_exact(&mut some);
    let _ = child.kill();
    let _ = child.wait();
    assert!(read.is_ok());
}

#[test]
fn the_example_runs() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ndsharray-mirror"));
    let example = program.with_file_name("examples").join("embed");
    let child = Command::new(example).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = Running(Some(child)).end();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("[2.0, 2.0, 2.0] from mirror://robot/pose"), "{text}");
}
