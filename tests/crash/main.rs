//! Processes that are killed or stopped at any instant, and what they leave. Storms of kills, and kills at each step
//! and each instruction, are binaries of their own: `storms`, `steps`, `instructions`.

mod aside;
mod asking;
#[path = "../common/mod.rs"]
mod common;
mod leaked;
mod leaving;
mod processes;
mod stopped;
mod stopped_stat;
mod stopped_sweeps;
mod traced;
mod until_gone;
mod wrap;
