//! What a call from C costs more than the same from Rust. Both in one process, in turns, each on a tag of its own:
//!   capi/install.sh --prefix PREFIX && cargo bench -p ndsharray-capi --bench calls -- PREFIX/lib/libndsharray.so

use std::ffi::{CString, c_char, c_int, c_void};
use std::hint::black_box;
use std::ptr::{null, null_mut};
use std::time::Instant;

use ndsharray::{DType, Store};

const ROUNDS: usize = 301;
const CALLS: u32 = 2000;
/// As many values are written, and then read one after the other.
const HISTORY: u32 = 200;

type Handle = *mut c_void;

/// The structs of the header, as far as they are used here.
#[repr(C)]
struct Array {
    data: *const c_void,
    dtype: *const c_char,
    ndim: usize,
    shape: *const usize,
    strides: *const isize,
}

#[repr(C)]
struct Options {
    size: usize,
    mode: u32,
    flags: u32,
    capacity: usize,
    history: usize,
    source: *const c_char,
}

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Functions of the shared library.
        struct C { $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl C {
            fn load(path: &str) -> C {
                let path = CString::new(path).unwrap();
                // SAFETY: a text; loading the library runs nothing but its own start.
                let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
                assert!(!library.is_null(), "{path:?} cannot be loaded");
                let find = |name: &str| {
                    let name = CString::new(name).unwrap();
                    // SAFETY: the library stays loaded.
                    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
                    assert!(!found.is_null(), "{name:?} is not in {path:?}");
                    found
                };
                C { $($name: {
                    // SAFETY: the header has the function with these arguments.
                    unsafe {
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                            find(stringify!($name)),
                        )
                    }
                },)* }
            }
        }
    };
}

functions! {
    nds_store_open: fn(*const c_char, *mut Handle, *mut Handle) -> c_int;
    nds_store_close: fn(Handle);
    nds_writer_open: fn(Handle, *const c_char, *const Options, *mut Handle, *mut Handle) -> c_int;
    nds_writer_write: fn(Handle, *const Array, *const c_void, *mut u64, *mut Handle) -> c_int;
    nds_writer_loan: fn(Handle, *const c_char, usize, *const usize, *mut Handle, *mut Handle) -> c_int;
    nds_writer_close: fn(Handle);
    nds_loan_data: fn(Handle) -> *mut u8;
    nds_loan_publish: fn(Handle, *mut u64, *mut Handle) -> c_int;
    nds_reader_open: fn(Handle, *const c_char, i64, *mut Handle, *mut Handle) -> c_int;
    nds_reader_read: fn(Handle, *mut Handle, *mut Handle) -> c_int;
    nds_reader_read_next: fn(Handle, *mut Handle, *mut Handle) -> c_int;
    nds_reader_latest: fn(Handle, *mut Handle, *mut Handle) -> c_int;
    nds_reader_has_changed: fn(Handle, Handle) -> bool;
    nds_reader_close: fn(Handle);
    nds_snapshot_data: fn(Handle) -> *const u8;
    nds_snapshot_release: fn(Handle);
}

/// Nanoseconds of a call.
fn time(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Runs both sides in turns, each first as often as the other, and prints the medians, and that of the differences of each round.
fn compare(name: &str, mut sides: impl FnMut(bool) -> f64) {
    let (mut rust, mut c, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let first_is_c = round % 2 == 0;
        let first = sides(first_is_c);
        let second = sides(!first_is_c);
        let (of_c, of_rust) = if first_is_c { (first, second) } else { (second, first) };
        rust.push(of_rust);
        c.push(of_c);
        more.push(of_c - of_rust);
    }
    let (rust, c, more) = (median(&mut rust), median(&mut c), median(&mut more));
    println!("{name:34} {rust:9.1} {c:9.1} {more:+9.1} {:7.2}", c / rust);
}

fn main() {
    // `cargo bench` adds an option of its own.
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let Some(path) = path else {
        eprintln!(
            "no library was named: cargo bench -p ndsharray-capi --bench calls -- PREFIX/lib/libndsharray.so"
        );
        return;
    };
    let directory = format!("/dev/shm/ndsharray-calls-{}", std::process::id());
    std::fs::create_dir(&directory).unwrap();
    println!("{:34} {:>9} {:>9} {:>9} {:>7}", "ns", "Rust", "C", "more", "ratio");
    for size in [64_usize, 4096, 1920 * 1080] {
        measure(&C::load(&path), &directory, size);
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

fn measure(c: &C, directory: &str, size: usize) {
    let calls = if size > 100_000 { 20 } else { CALLS };
    let (data, shape) = (vec![7_u8; size], [size]);
    let store = Store::open(directory).unwrap();
    let mut writer = store.writer_options("rust").ephemeral(true).open().unwrap();
    writer.write_bytes(&DType::UInt8, &shape, &data).unwrap();
    let mut reader = store.reader("rust").unwrap();
    let text = CString::new(directory).unwrap();
    let array = Array {
        data: data.as_ptr().cast(),
        dtype: c"uint8".as_ptr(),
        ndim: 1,
        shape: shape.as_ptr(),
        strides: null(),
    };
    let options =
        Options { size: size_of::<Options>(), mode: 0, flags: 1, capacity: 0, history: 0, source: null() };
    let (mut c_store, mut c_writer, mut c_reader) = (null_mut(), null_mut(), null_mut());
    // An error is wanted, as careful programs do.
    let mut error = null_mut();
    let error = &raw mut error;
    // SAFETY: in this function, as the header says: handles that are open, and places that can be written to.
    unsafe {
        assert_eq!((c.nds_store_open)(text.as_ptr(), &raw mut c_store, error), 0);
        assert_eq!(
            (c.nds_writer_open)(c_store, c"c".as_ptr(), &raw const options, &raw mut c_writer, error),
            0
        );
        assert_eq!((c.nds_writer_write)(c_writer, &raw const array, null(), null_mut(), error), 0);
        assert_eq!((c.nds_reader_open)(c_store, c"c".as_ptr(), 0, &raw mut c_reader, error), 0);
    }
    compare(&format!("write, {size} bytes"), |is_c| {
        if !is_c {
            return time(calls, || {
                _ = black_box(writer.write_bytes(&DType::UInt8, black_box(&shape), &data).unwrap())
            });
        }
        time(calls, || {
            // SAFETY: as above.
            let status = unsafe {
                (c.nds_writer_write)(c_writer, black_box(&raw const array), null(), null_mut(), error)
            };
            assert_eq!(status, 0);
        })
    });
    compare(&format!("loan, publish, {size} bytes"), |is_c| {
        if !is_c {
            return time(CALLS, || {
                let mut loan = writer.loan_bytes(&DType::UInt8, black_box(&shape)).unwrap();
                loan.as_mut_slice()[0] = 1;
                loan.publish().unwrap();
            });
        }
        time(CALLS, || {
            let mut loan = null_mut();
            // SAFETY: as above; the memory has a byte at least.
            unsafe {
                let status = (c.nds_writer_loan)(
                    c_writer,
                    c"uint8".as_ptr(),
                    1,
                    black_box(shape.as_ptr()),
                    &raw mut loan,
                    error,
                );
                assert_eq!(status, 0);
                *(c.nds_loan_data)(loan) = 1;
                assert_eq!((c.nds_loan_publish)(loan, null_mut(), error), 0);
            }
        })
    });
    compare(&format!("latest, {size} bytes"), |is_c| {
        if !is_c {
            return time(CALLS, || _ = black_box(reader.latest().unwrap().bytes()[0]));
        }
        time(CALLS, || {
            let mut value = null_mut();
            // SAFETY: as above.
            unsafe {
                assert_eq!((c.nds_reader_latest)(c_reader, &raw mut value, error), 0);
                black_box(*(c.nds_snapshot_data)(value));
                (c.nds_snapshot_release)(value);
            }
        })
    });
    if size > 64 {
        // SAFETY: as above.
        unsafe {
            (c.nds_reader_close)(c_reader);
            (c.nds_writer_close)(c_writer);
            (c.nds_store_close)(c_store);
        }
        return;
    }
    compare("read, nothing new", |is_c| {
        if !is_c {
            return time(CALLS, || drop(black_box(reader.read().unwrap())));
        }
        time(CALLS, || {
            let mut value = null_mut();
            // SAFETY: as above.
            unsafe {
                black_box((c.nds_reader_read)(c_reader, &raw mut value, error));
                (c.nds_snapshot_release)(value);
            }
        })
    });
    let kept = reader.latest().unwrap();
    let mut c_kept = null_mut();
    // SAFETY: as above.
    unsafe { assert_eq!((c.nds_reader_latest)(c_reader, &raw mut c_kept, error), 0) };
    compare("has_changed", |is_c| {
        if !is_c {
            return time(CALLS, || _ = black_box(reader.has_changed(&kept)));
        }
        // SAFETY: as above.
        time(CALLS, || _ = black_box(unsafe { (c.nds_reader_has_changed)(c_reader, c_kept) }))
    });
    drop(kept);
    // SAFETY: as above.
    unsafe {
        (c.nds_snapshot_release)(c_kept);
        (c.nds_reader_close)(c_reader);
    }
    drop(writer);
    // New values come from one writer for both, which is Rust's.
    let options = store.writer_options("rust").ephemeral(true).history(HISTORY as usize);
    let mut writer = options.open().unwrap();
    let mut write = || writer.write_bytes(&DType::UInt8, &shape, &data).unwrap();
    write();
    let mut reader = store.reader("rust").unwrap();
    reader.read().unwrap();
    // SAFETY: as above.
    unsafe {
        assert_eq!((c.nds_reader_open)(c_store, c"rust".as_ptr(), 0, &raw mut c_reader, error), 0);
        let mut value = null_mut();
        assert_eq!((c.nds_reader_read)(c_reader, &raw mut value, error), 0);
        (c.nds_snapshot_release)(value);
    }
    let c_read = |read: unsafe extern "C" fn(Handle, *mut Handle, *mut Handle) -> c_int| {
        let mut value = null_mut();
        // SAFETY: as above.
        unsafe {
            assert_eq!(read(c_reader, &raw mut value, error), 0);
            black_box(*(c.nds_snapshot_data)(value));
            (c.nds_snapshot_release)(value);
        }
    };
    compare("a write by Rust, and its read", |is_c| {
        if !is_c {
            return time(CALLS, || {
                write();
                black_box(reader.read().unwrap().unwrap().bytes()[0]);
            });
        }
        time(CALLS, || {
            write();
            c_read(c.nds_reader_read);
        })
    });
    // Both are at the last value, and then each reads as many as are kept.
    reader.read().unwrap();
    compare("read_next of a new value, 64 bytes", |is_c| {
        reader.read().unwrap();
        let mut value = null_mut();
        // SAFETY: as above.
        unsafe {
            (c.nds_reader_read)(c_reader, &raw mut value, error);
            (c.nds_snapshot_release)(value);
        }
        (0..HISTORY).for_each(|_| _ = write());
        if !is_c {
            return time(HISTORY, || _ = black_box(reader.read_next().unwrap().unwrap().bytes()[0]));
        }
        time(HISTORY, || c_read(c.nds_reader_read_next))
    });
    // SAFETY: as above.
    unsafe {
        (c.nds_reader_close)(c_reader);
        (c.nds_writer_close)(c_writer);
        (c.nds_store_close)(c_store);
    }
}
