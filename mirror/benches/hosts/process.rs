//! Processes: those that run to their end, and those that are measured.

use std::process::{Child, Command, Stdio};

use crate::Result;

/// Runs a program to its end.
pub fn run(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program).args(args).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr)).into())
}

/// A process on a host, killed when this is dropped.
pub struct Process(Child);

impl Process {
    /// Starts a program on a host.
    pub fn start(host: &str, program: &str, args: &[&str]) -> Result<Self> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", host, program]).args(args).stdout(Stdio::piped());
        Ok(Process(command.spawn()?))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Processor time that it has used, in seconds.
    pub fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Waits for its end, and returns the JSON object that it printed last.
    pub fn result(mut self) -> Result<serde_json::Value> {
        let mut text = String::new();
        if let Some(mut stdout) = self.0.stdout.take() {
            std::io::Read::read_to_string(&mut stdout, &mut text)?;
        }
        self.0.wait()?;
        let line = text.lines().last().ok_or("a part of the measurement said nothing")?;
        Ok(serde_json::from_str(line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
