//! This binary in other roles: writers, and a connection that is long.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ndsharray::Store;

use super::host::Host;
use super::program::Program;
use super::values;

const ROLE: &str = "NDSHARRAY_TEST_ROLE";

/// What the test `role` does: nothing, unless this process was started in a role.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["write", tag, hz, nbytes, first, options] => write(tag, hz, nbytes, first, options),
        ["delay", listen, target, milliseconds] => delay(listen, target, milliseconds.parse().unwrap()),
        _ => panic!("no role {role:?}"),
    }
}

impl Host {
    /// Starts this binary there, in a role.
    fn role(&self, role: &str) -> Program {
        let mut command = self.command(std::env::current_exe().unwrap().to_str().unwrap());
        command.args(["role", "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        Program::start(role, command)
    }

    /// Starts a writer. Its values have numbers from `first` on. Options, with commas between: ephemeral, takeover, history=N.
    pub fn writer(&self, tag: &str, hz: f64, nbytes: usize, first: u64, options: &str) -> Program {
        self.role(&format!("write {tag} {hz} {nbytes} {first} {options}"))
    }

    /// Starts what listens there and passes on to another host each byte so much later, both ways.
    pub fn delay(&self, listen: &str, target: &str, milliseconds: u64) -> Program {
        self.role(&format!("delay {listen} {target} {milliseconds}"))
    }
}

fn write(tag: &str, hz: &str, nbytes: &str, first: &str, options: &str) {
    let store = Store::open_default().unwrap();
    let (hz, nbytes): (f64, usize) = (hz.parse().unwrap(), nbytes.parse().unwrap());
    let mut opened = store.writer_options(tag);
    for option in options.split(',') {
        opened = match option.split_once('=') {
            Some(("history", values)) => opened.history(values.parse().unwrap()),
            None if option == "ephemeral" => opened.ephemeral(true),
            None if option == "takeover" => opened.takeover(true),
            _ => opened,
        };
    }
    let mut writer = opened.open().unwrap();
    let began = Instant::now();
    let first: u64 = first.parse().unwrap();
    for i in 0_u32.. {
        if let Err(error) = values::write(&mut writer, first + u64::from(i), nbytes) {
            println!("it ends: {error}");
            return;
        }
        let next = began + Duration::from_secs_f64(f64::from(i + 1) / hz);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn delay(listen: &str, target: &str, milliseconds: u64) {
    let listener = TcpListener::bind(listen).unwrap();
    let time = Duration::from_millis(milliseconds);
    for near in listener.incoming() {
        let near = near.unwrap();
        let Ok(far) = TcpStream::connect(target) else { continue };
        for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
            let _ = to.set_nodelay(true);
            let (sender, receiver) = channel();
            std::thread::spawn(move || read_in(from, &sender));
            std::thread::spawn(move || pass_on(to, &receiver, time));
        }
    }
}

fn read_in(mut from: TcpStream, sender: &Sender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        let sent = sender.send((Instant::now(), buffer[..length].to_vec()));
        if length == 0 || sent.is_err() {
            return;
        }
    }
}

fn pass_on(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>, time: Duration) {
    for (at, bytes) in receiver {
        std::thread::sleep((at + time).saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
