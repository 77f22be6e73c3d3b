//! A store that has no room for a smaller segment: writes that fit the present one go on.

use ndsharray::Store;

/// Runs in a mount namespace of its own, on a tmpfs of 1 MB.
#[test]
fn small_writes_go_on_in_a_full_store() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().to_owned();
    let inside = std::thread::spawn(move || {
        let target = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: plain system calls with C strings that live long enough; only this thread changes its namespace.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_FS | libc::CLONE_NEWNS) == 0
                && libc::mount(
                    c"none".as_ptr(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    libc::MS_REC | libc::MS_PRIVATE,
                    std::ptr::null(),
                ) == 0
                && libc::mount(
                    c"t".as_ptr(),
                    target.as_ptr(),
                    c"tmpfs".as_ptr(),
                    0,
                    c"size=1m".as_ptr().cast(),
                ) == 0
        };
        if !mounted {
            println!("skipped: small_writes_go_on_in_a_full_store: mounting a tmpfs needs root");
            return;
        }
        let store = Store::open(&path).unwrap();
        let mut writer = store.writer("a").unwrap();
        let large = vec![1_u8; 400 << 10];
        writer.write_slice(&large, &[large.len()]).unwrap();
        writer.write_slice(&large, &[large.len()]).unwrap();
        let filler = std::fs::write(path.join("filler"), vec![1_u8; 1 << 20]);
        assert!(filler.is_err(), "the store was to be full");
        for i in 0..40_u8 {
            writer.write_slice(&[i; 8], &[8]).unwrap_or_else(|error| panic!("small write {i}: {error}"));
        }
        std::fs::remove_file(path.join("filler")).unwrap();
        writer.write_slice(&[1_u8; 8], &[8]).unwrap();
        let name = writer.data_file();
        for _ in 0..40 {
            writer.write_slice(&[1_u8; 8], &[8]).unwrap();
        }
        assert_ne!(writer.data_file(), name, "as soon as there is room the large segment is left");
    });
    inside.join().unwrap();
}
