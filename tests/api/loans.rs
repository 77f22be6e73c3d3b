//! Loans that come to nothing.

use ndsharray::{DType, Error};

use super::slots::slots;
use crate::common::sandbox::{files, store};

#[test]
fn loans_that_are_dropped_did_not_happen() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    drop(writer.loan::<f32>(&[10]).unwrap());
    assert!(matches!(store.reader("a").unwrap().latest(), Err(Error::Empty { .. })));
    assert_eq!(files(dir.path()), ["a"]);
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    for _ in 0..5 {
        let mut loan = writer.loan::<u8>(&[3]).unwrap();
        loan.as_mut_slice().fill(9);
        drop(loan);
        drop(writer.loan::<f64>(&[10_000]).unwrap());
    }
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 3]);
    assert_eq!(slots(&store), 2);
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn a_loan_of_bytes_cannot_publish_a_bool_that_is_none() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut loan = writer.loan_bytes(&DType::Bool, &[2]).unwrap();
    loan.as_mut_slice().fill(7);
    assert!(matches!(loan.publish(), Err(Error::InvalidElement { .. })));
    let mut loan = writer.loan_bytes(&DType::Bool, &[2]).unwrap();
    loan.as_mut_slice().fill(1);
    assert_eq!(loan.publish().unwrap(), 1);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<bool>().unwrap(), [true, true]);
}
