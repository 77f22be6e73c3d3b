//! The processes that the quickstart starts: asked to end, and killed if they do not, when they are dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Result, say};

/// A process that takes part. What it prints is passed on, but for its last line, `tally`, which is kept.
pub struct Participant {
    role: &'static str,
    child: Child,
    /// Closing it asks the child to end.
    stdin: Option<ChildStdin>,
    output: Option<JoinHandle<Vec<u64>>>,
}

impl Participant {
    pub fn start(role: &'static str, tag: &str, seconds: u64) -> Result<Participant> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--role", role, tag, &seconds.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let output = thread::spawn(move || {
            let mut tally = Vec::new();
            for line in
                stdout.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(|line| line.ok())
            {
                match line.strip_prefix("tally ") {
                    Some(numbers) => tally = numbers.split(' ').filter_map(|n| n.parse().ok()).collect(),
                    None => say(&line),
                }
            }
            tally
        });
        Ok(Participant { role, child, stdin, output: Some(output) })
    }

    /// Asks it to end.
    pub fn dismiss(&mut self) {
        self.stdin.take();
    }

    /// Whether it has done its part; an error if it ended in any other way.
    pub fn ended(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            // Exit code 1 is a reader that found a wrong byte: its tally says so.
            Some(status) if status.code().is_none_or(|code| code > 1) => {
                Err(format!("the process {:?} ended before its time ({status})", self.role).into())
            }
            status => Ok(status.is_some()),
        }
    }

    pub fn tally(&mut self) -> Result<Vec<u64>> {
        let tally = self.output.take().and_then(|output| output.join().ok()).unwrap_or_default();
        if tally.len() == 4 { Ok(tally) } else { Err(format!("the process {:?} failed", self.role).into()) }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.dismiss();
        let patience = Instant::now() + Duration::from_secs(1);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < patience {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
