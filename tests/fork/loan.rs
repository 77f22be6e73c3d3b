//! A forked child has its parent's loan in its hands, and cannot write to it.

use ndsharray::Store;

#[test]
fn a_loan_in_a_forked_child_lends_nothing() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer("a").unwrap();
    for fresh in [true, false] {
        if !fresh {
            writer.write_slice(&[0_u8; 3], &[3]).unwrap();
        }
        let mut loan = writer.loan::<u8>(&[3]).unwrap();
        loan.as_mut_slice().fill(1);
        // SAFETY: the child only looks at memory and ends.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            loan.as_mut_slice().fill(9);
            // SAFETY: ends this process, without destructors or handlers.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: waits for the child from above; `status` is writable.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        loan.publish().unwrap();
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 3], "the child wrote to it");
    }
}
