//! A kernel that lacks system calls.

/// Makes system calls fail with ENOSYS, in this thread and those that it starts; false if the kernel refuses the filter.
pub fn refuse(calls: &[libc::c_long]) -> bool {
    let instruction =
        |code: u32, jt: usize, k: u32| libc::sock_filter { code: code as u16, jt: jt as u8, jf: 0, k };
    // Load the call's number (at offset 0 of seccomp_data); from each that is refused go on to the last line.
    let mut filter = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (index, &call) in calls.iter().enumerate() {
        let to_last = calls.len() - index;
        filter.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, to_last, call as u32));
    }
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: plain system calls; the program outlives the call that copies it.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    }
}
