//! Hosts: a network and a `/dev/shm` of its own each, which go with the process that holds them, also when a test is killed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use ndsharray::Store;

use super::program::Program;

/// The port at which mirrors listen.
const PORT: u16 = 7447;

/// Hosts, each with a link to each other one.
pub struct Hosts(Vec<Host>);

pub struct Host {
    /// It is there until its input ends, so not longer than this process.
    holder: Child,
    _input: Option<ChildStdin>,
    name: &'static str,
}

impl Hosts {
    pub fn new<const N: usize>(names: [&'static str; N]) -> Self {
        let hosts = Hosts(names.into_iter().map(Host::new).collect());
        for i in 0..N {
            for j in i + 1..N {
                let (one, other) = (&hosts.0[i], &hosts.0[j]);
                let (to, back) = (link(j), link(i));
                let command = format!(
                    "ip link add {to} netns {} type veth peer name {back} netns {}",
                    one.holder.id(),
                    other.holder.id()
                );
                checked(Command::new("sh").args(["-c", &command]));
                for (host, link, of, from) in [(one, to, i, j), (other, back, j, i)] {
                    host.sh(&format!(
                        "ip address add {}/30 dev {link} && ip link set {link} up",
                        address(of, from)
                    ));
                }
            }
        }
        hosts
    }

    /// Where a mirror of a host listens, as another one says it.
    pub fn at(&self, host: usize, from: usize) -> String {
        format!("tcp/{}:{PORT}", address(host, from))
    }

    /// Its address and port, for other programs.
    pub fn socket(&self, host: usize, from: usize) -> String {
        format!("{}:{PORT}", address(host, from))
    }

    /// Takes the link between two hosts down, or up again.
    pub fn set_link(&self, host: usize, other: usize, is_up: bool) {
        let state = if is_up { "up" } else { "down" };
        self.0[host].sh(&format!("ip link set {} {state}", link(other)));
    }

    /// Limits what goes through a link, each way.
    pub fn limit(&self, host: usize, other: usize, bytes_per_second: u64) {
        for (host, other) in [(host, other), (other, host)] {
            self.0[host].sh(&format!(
                "tc qdisc replace dev {} root tbf rate {}bit burst 64kb latency 100ms",
                link(other),
                bytes_per_second * 8
            ));
        }
    }
}

impl std::ops::Index<usize> for Hosts {
    type Output = Host;

    fn index(&self, host: usize) -> &Host {
        &self.0[host]
    }
}

impl Host {
    fn new(name: &'static str) -> Self {
        let script = "mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm && ip link set lo up && echo ready && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{name} does not start");
        Host { _input: holder.stdin.take(), holder, name }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The place of its store, as seen from here.
    pub fn place(&self) -> PathBuf {
        format!("/proc/{}/root/dev/shm", self.holder.id()).into()
    }

    pub fn store(&self) -> Store {
        Store::open(self.place()).unwrap()
    }

    /// Sets how much its store takes.
    pub fn resize(&self, size: &str) {
        self.sh(&format!("mount -o remount,size={size} /dev/shm"));
    }

    /// A command that runs there, and no longer than the thread that starts it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &self.holder.id().to_string(),
            "--net",
            "--mount",
            "setpriv",
            "--pdeathsig",
            "KILL",
            program,
        ]);
        command.env_remove("NDSHARRAY_DIR");
        command
    }

    #[track_caller]
    pub fn sh(&self, script: &str) {
        checked(self.command("sh").args(["-c", script]));
    }

    /// Starts a mirror there. Its arguments are words.
    pub fn mirror(&self, args: &str) -> Program {
        let mut command = self.command(env!("CARGO_BIN_EXE_ndsharray-mirror"));
        command.args(["--name", self.name]).args(args.split(' '));
        Program::start(&format!("mirror of {}", self.name), command)
    }

    /// Loses so many of 100 packets that come to it; 100: all.
    pub fn lose(&self, percent: u32) {
        let rule = match percent {
            100 => "drop".to_owned(),
            _ => format!("numgen random mod 100 < {percent} drop"),
        };
        self.sh(&format!(
            "nft flush ruleset && nft 'add table inet faults' && \
             nft 'add chain inet faults input {{ type filter hook input priority 0; }}' && \
             nft 'add rule inet faults input iif != lo {rule}'"
        ));
    }

    /// Loses no packets any more.
    pub fn lose_none(&self) {
        self.sh("nft flush ruleset");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The name of the interface that leads to a host.
fn link(other: usize) -> String {
    format!("to{other}")
}

/// The address of a host on the link to another one.
fn address(host: usize, other: usize) -> String {
    let (low, high) = (host.min(other), host.max(other));
    format!("10.77.{}.{}", 10 * low + high, if host == low { 1 } else { 2 })
}

#[track_caller]
fn checked(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
