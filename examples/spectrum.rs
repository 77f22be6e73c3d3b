//! The Rust half of "From numpy to Rust and back" in docs/guide.md: answers each value of `samples` with its squares.

use ndsharray::{Meta, Store};
use std::time::Duration;

fn main() -> ndsharray::Result<()> {
    let store = Store::open_default()?;
    let mut writer = store.writer_options("spectrum").ephemeral(true).open()?;
    let mut reader = store.reader_options("samples").wait(None).open()?; // as soon as it exists
    while let Some(value) = reader.wait(Duration::from_secs(5))? {
        let samples = value.as_slice::<f32>()?; // Error::DTypeMismatch if they are something else
        let mut loan = writer.loan::<f64>(&[samples.len()])?;
        for (to, from) in loan.as_mut_slice().iter_mut().zip(samples) {
            *to = f64::from(*from).powi(2);
        }
        loan.set_meta(Meta::new().user_data(value.user_data())?); // says which question this answers
        loan.publish()?;
    }
    Ok(())
}
