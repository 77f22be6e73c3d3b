//! A forked child cannot write to its parent's loan, nor publish it.

use ndsharray::{Error, Store};

use crate::common::forking::{fork, join};
use crate::common::process::Watchdog;
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::start;

/// Role: forks while it has a loan, of a slot in use and of a staged file.
pub fn inherit_loan(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    for (length, publish) in [(3, false), (3, true), (100_000, false), (300_000, true)] {
        let version = writer.version();
        let mut loan = writer.loan::<u8>(&[length]).unwrap();
        loan.as_mut_slice().fill(7);
        let before = files(store.directory());
        join(fork(|| {
            // SAFETY: read once, here, in a process that ends without dropping it again.
            let mut mine = unsafe { std::ptr::read(&loan) };
            assert!(mine.as_mut_slice().is_empty(), "the memory is the parent's");
            if publish {
                assert!(matches!(mine.publish(), Err(Error::Forked { .. })));
            } else {
                drop(mine);
            }
            assert_eq!(files(store.directory()), before, "the parent's files are there");
        }));
        assert_eq!(files(store.directory()), before);
        assert_eq!(loan.publish().unwrap(), version + 1);
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!((value.bytes(), value.version()), (&vec![7; length][..], version + 1));
        assert_eq!(files(store.directory()).len(), 2);
    }
}

#[test]
fn a_loan_in_a_child_is_inert() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("inherit-loan", &store).end();
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: its child writes to a loan that it inherited, and ends.
pub fn lend_nothing(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    for fresh in [true, false] {
        if !fresh {
            writer.write_slice(&[0_u8; 3], &[3]).unwrap();
        }
        let mut loan = writer.loan::<u8>(&[3]).unwrap();
        loan.as_mut_slice().fill(1);
        join(fork(|| loan.as_mut_slice().fill(9)));
        loan.publish().unwrap();
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 3], "the child wrote to it");
    }
}

#[test]
fn a_loan_in_a_forked_child_lends_nothing() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("lend-nothing", &store).end();
}
