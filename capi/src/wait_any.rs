//! Waiting for whichever of several readers has a new value first.

use ndsharray::{Reader, wait_any};

use crate::argument::{Out, elements, exclusive, timeout};
use crate::call::call;
use crate::failure::{Failure, nds_error};
use crate::reader::nds_reader;
use crate::status::nds_status::{self, NDS_NONE, NDS_OK};

/// Waits until at least one of these readers has a newer value than it returned last, for up to `wait` nanoseconds; `index` gets
/// its place in `readers`. NDS_NONE when the time is over, and at once if there are no readers. Less than 0 waits for ever.
///
/// Other readers may have a newer value too: call nds_reader_read on each. A reader may be in `readers` only once.
///
/// # Safety
/// `readers` has `count` readers that were not closed, and no other thread uses them. `index` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_wait_any(
    readers: *const *mut nds_reader,
    count: usize,
    wait: i64,
    index: *mut usize,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(index, "index", 0) }?;
        // SAFETY: as the caller says.
        let pointers = unsafe { elements(readers, count, "readers") }?;
        let mut sorted = pointers.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Failure::argument("readers: one of them is NULL or there twice; give each once"));
        }
        let found = pointers.iter().map(|&pointer| {
            // SAFETY: as the caller says; each is there once.
            unsafe { exclusive(pointer, "one of the readers") }.map(nds_reader::reader)
        });
        let mut found = found.collect::<Result<Vec<&mut Reader>, _>>()?;
        let Some(ready) = wait_any(&mut found, timeout(wait))? else { return Ok(NDS_NONE) };
        out.set(ready);
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}
