//! Running a process by single instructions, with ptrace.

use std::collections::HashMap;

use super::doomed::{Doomed, Status};

/// The course of an operation, instruction by instruction. A stretch begins at the start, or after a system call, and
/// ends with the next one.
pub struct Course {
    /// The addresses of the instructions of each stretch, of which the last one is a system call (or the end).
    pub stretches: Vec<Vec<u64>>,
    /// How often each of them was passed before in its stretch.
    passed: Vec<Vec<usize>>,
}

impl Course {
    fn new(stretches: Vec<Vec<u64>>) -> Self {
        let passed = |stretch: &Vec<u64>| {
            let mut counts = HashMap::new();
            let mut pass = |address: &u64| {
                let count = counts.entry(*address).or_insert(0);
                *count += 1;
                *count - 1
            };
            stretch.iter().map(&mut pass).collect()
        };
        let passed = stretches.iter().map(passed).collect();
        Course { stretches, passed }
    }

    pub fn instructions(&self) -> usize {
        self.stretches.iter().map(Vec::len).sum()
    }

    /// The best place to begin single steps: somewhere before the wanted one. A breakpoint leads there, which costs two
    /// stops each time that the process passes it.
    fn near(&self, stretch: usize, instructions: usize) -> usize {
        let cost = |&place: &usize| 2 * self.passed[stretch][place] + instructions - place;
        let usable = |&place: &usize| !is_the_kernels(self.stretches[stretch][place]);
        (0..=instructions).rev().filter(usable).take(500).min_by_key(cost).unwrap_or(0)
    }
}

/// Whether it is code that the kernel maps into every process, and that takes no breakpoint.
fn is_the_kernels(address: u64) -> bool {
    // SAFETY: no memory is involved.
    let start = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    (start..start + 0x4000).contains(&address)
}

/// A process that is stopped before the operation.
pub struct Traced<'a> {
    doomed: &'a Doomed,
}

const BREAKPOINT: u64 = 0xcc;
const SYSCALL: u64 = 0x050f;

/// In the process itself: has it traced, and stops it before the operation and after.
pub fn around(operate: &mut dyn FnMut()) -> Vec<u8> {
    // SAFETY: no memory is involved.
    if unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } != 0 {
        return b"not permitted".to_vec();
    }
    stop();
    operate();
    stop();
    Vec::new()
}

fn stop() {
    // SAFETY: no memory is involved.
    unsafe { libc::raise(libc::SIGSTOP) };
}

impl<'a> Traced<'a> {
    /// Waits for the first stop; `None` if it was not allowed to be traced.
    pub fn new(doomed: &'a Doomed) -> Option<Self> {
        match doomed.wait() {
            Status::Stopped(libc::SIGSTOP) => {
                let traced = Traced { doomed };
                // Stops for system calls are told from others; the process dies with this one.
                let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
                traced.request(libc::PTRACE_SETOPTIONS, 0, options as u64);
                Some(traced)
            }
            Status::Exited(0) => None,
            other => panic!("before the operation: {other:?}"),
        }
    }

    fn request(&self, request: libc::c_uint, address: u64, data: u64) -> i64 {
        // SAFETY: requests that write to no memory of this process; a child that is stopped.
        unsafe { libc::ptrace(request, self.doomed.pid, address, data) }
    }

    fn address(&self) -> u64 {
        self.request(libc::PTRACE_PEEKUSER, std::mem::offset_of!(libc::user, regs.rip) as u64, 0) as u64
    }

    fn is_at_system_call(&self) -> bool {
        self.request(libc::PTRACE_PEEKTEXT, self.address(), 0) as u64 & 0xffff == SYSCALL
    }

    /// Goes on to the next stop of that kind; false at the end of the operation.
    fn resume(&self, how: libc::c_uint) -> bool {
        assert_eq!(self.request(how, 0, 0), 0, "ptrace: {}", std::io::Error::last_os_error());
        match self.doomed.wait() {
            Status::Stopped(signal) if signal & 0x7f == libc::SIGTRAP => true,
            Status::Stopped(libc::SIGSTOP) => false,
            other => panic!("in the operation: {other:?}"),
        }
    }

    /// Runs it to its end, by single instructions.
    pub fn course(&self) -> Course {
        let mut stretches = vec![Vec::new()];
        loop {
            let call = self.is_at_system_call();
            stretches.last_mut().unwrap().push(self.address());
            if !self.resume(libc::PTRACE_SINGLESTEP) {
                break;
            }
            if call {
                stretches.push(Vec::new());
            }
        }
        Course::new(stretches)
    }

    /// Runs it until so many instructions of a stretch are done. False if it took another course.
    pub fn run_to(&self, course: &Course, stretch: usize, instructions: usize) -> bool {
        // Both stops of each system call.
        for _ in 0..2 * stretch {
            if !self.resume(libc::PTRACE_SYSCALL) {
                return false;
            }
        }
        let addresses = &course.stretches[stretch];
        let near = course.near(stretch, instructions);
        if near > 0 && !self.run_to_place(addresses[near], course.passed[stretch][near]) {
            return false;
        }
        for _ in near..instructions {
            if self.is_at_system_call() || !self.resume(libc::PTRACE_SINGLESTEP) {
                return false;
            }
        }
        true
    }

    /// Runs it at full speed until it has passed an address so often and comes to it again.
    fn run_to_place(&self, place: u64, passes: usize) -> bool {
        let code = self.request(libc::PTRACE_PEEKTEXT, place, 0) as u64;
        for pass in 0..=passes {
            let set = self.request(libc::PTRACE_POKETEXT, place, code & !0xff | BREAKPOINT);
            assert_eq!(set, 0, "a breakpoint at {place:#x}: {}", std::io::Error::last_os_error());
            let arrived = self.resume(libc::PTRACE_SYSCALL) && self.address() == place + 1;
            assert_eq!(self.request(libc::PTRACE_POKETEXT, place, code), 0);
            if !arrived {
                return false;
            }
            let rip = std::mem::offset_of!(libc::user, regs.rip) as u64;
            self.request(libc::PTRACE_POKEUSER, rip, place);
            if pass < passes && !self.resume(libc::PTRACE_SINGLESTEP) {
                return false;
            }
        }
        true
    }

    /// Kills it where it is.
    pub fn kill(self) {
        // SAFETY: no memory is involved; a child of this process.
        assert_eq!(unsafe { libc::kill(self.doomed.pid, libc::SIGKILL) }, 0);
        assert_eq!(self.doomed.wait(), Status::Killed(libc::SIGKILL));
    }
}
