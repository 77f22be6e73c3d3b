//! Files in and out: npy of every dtype, in both orders and byte orders, and PNG of every kind. They are checked with a
//! reader and a writer that share no code with the program, and with numpy and Pillow if these are installed.

mod place;

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use ndsharray::DType;
use place::{Place, Running, skip, skip_if_hangups_are_ignored, unshared_pipe, until};
use rustix::process::Signal;

/// Makes an npy file without a library.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

/// Takes an npy file apart without a library: its header and its data.
fn parts(file: &[u8]) -> (String, Vec<u8>) {
    assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
    let end = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert_eq!(end % 16, 0, "the data are aligned");
    (String::from_utf8(file[10..end].to_vec()).unwrap(), file[end..].to_vec())
}

fn code(dtype: &DType) -> String {
    let (name, size) = (dtype.name(), dtype.itemsize());
    let kind = if name == "bool" { 'b' } else { name.chars().next().unwrap() };
    format!("{kind}{size}")
}

/// Elements of the dtype, whose bytes differ from their neighbours.
fn pattern(dtype: &DType, count: usize) -> Vec<u8> {
    (0..count * dtype.itemsize())
        .map(|i| if *dtype == DType::Bool { (i % 3 == 1) as u8 } else { (i * 7 + 1) as u8 })
        .collect()
}

#[test]
fn npy_of_every_dtype_in_both_orders_and_byte_orders() {
    let place = Place::new();
    for dtype in DType::built_in() {
        let size = dtype.itemsize();
        let data = pattern(&dtype, 24);
        let order = if size == 1 { '|' } else { '<' };
        std::fs::write(
            place.file("in.npy"),
            npy(&format!("'{order}{}'", code(&dtype)), false, "(2, 3, 4)", &data),
        )
        .unwrap();
        place.run(&["put", "a", "in.npy"]).good();
        let value = place.store().reader("a").unwrap().latest().unwrap();
        assert_eq!((value.dtype(), value.shape(), value.bytes()), (&dtype, &[2, 3, 4][..], &data[..]));

        place.run(&["get", "a", "-o", "out.npy"]).good();
        let (header, out) = parts(&std::fs::read(place.file("out.npy")).unwrap());
        assert!(header.contains(&format!("'{order}{}'", code(&dtype))), "{header}");
        assert!(header.contains("'fortran_order': False") && header.contains("(2, 3, 4"), "{header}");
        assert_eq!(out, data);
        assert_eq!(
            place.run(&["get", "a", "-o", "-"]).good().stdout,
            std::fs::read(place.file("out.npy")).unwrap()
        );
        assert_eq!(place.run(&["cat", "a"]).good().stdout, data);

        // The same array with its axes stored the other way round: element (i, j, k) is the (i + 2 j + 6 k)th.
        let mut fortran = vec![0; data.len()];
        for (i, j, k) in (0..24).map(|n| (n / 12, n / 4 % 3, n % 4)) {
            let (from, to) = (((i * 3 + j) * 4 + k) * size, (i + 2 * j + 6 * k) * size);
            fortran[to..to + size].copy_from_slice(&data[from..from + size]);
        }
        let unit = if code(&dtype).starts_with('c') { size / 2 } else { size };
        let big: Vec<u8> = data.chunks(unit).flat_map(|unit| unit.iter().rev().copied()).collect();
        let both: Vec<u8> = fortran.chunks(unit).flat_map(|unit| unit.iter().rev().copied()).collect();
        for (order, is_fortran, bytes) in [(order, true, &fortran), ('>', false, &big), ('>', true, &both)] {
            let file = npy(&format!("'{order}{}'", code(&dtype)), is_fortran, "(2, 3, 4)", bytes);
            place.run_with(&["put", "b", "-"], &file).good();
            assert_eq!(place.run(&["cat", "b"]).good().stdout, data, "{dtype} {order} {is_fortran}");
        }
    }
}

#[test]
fn shapes_without_axes_or_elements_and_dtypes_beyond_numbers() {
    let place = Place::new();
    for (descr, fortran, shape, length) in [
        ("'<f8'", false, "()", 8),
        ("'<f8'", true, "()", 8),
        ("'<f8'", true, "(3,)", 24),
        ("'<f8'", false, "(0, 5)", 0),
        ("'<f8'", true, "(5, 0, 2)", 0),
        ("'<M8[ms]'", false, "(2,)", 16),
        ("'>m8[s]'", false, "(2,)", 16),
        ("'|S5'", true, "(2, 1)", 10),
        ("'<U3'", false, "(2,)", 24),
        ("[('x', '<f4'), ('y', '>i2', (2, 2))]", false, "(3,)", 36),
        ("'<M8[25s]'", false, "(2,)", 16),
        ("'<M8'", true, "(2,)", 16),
        ("[(('a title', 'x'), '<f4'), ('y', '<i8')]", false, "(2,)", 24),
        // What numpy writes for np.dtype('i1,i4,i1', align=True), and for a[['x']].
        ("[('f0', '|i1'), ('', '|V3'), ('f1', '<i4'), ('f2', '|i1'), ('', '|V3')]", false, "(2,)", 24),
        ("[('x', '<f4'), ('', '|V10')]", false, "(2,)", 28),
    ] {
        let data: Vec<u8> = (1..=length).collect();
        place.run_with(&["put", "a", "-"], &npy(descr, fortran, shape, &data)).good();
        let (header, out) = parts(&place.run(&["get", "a", "-o", "-"]).good().stdout);
        assert_eq!(out, data, "{descr} {shape}");
        let text = |text: &str| text.replace([' ', ',', '\n'], "");
        assert!(text(&header).contains(&text(descr)) && text(&header).contains(&text(shape)), "{header}");
    }
    // A record of 3 bytes, transposed.
    let data: Vec<u8> = (0..18).collect();
    place.run_with(&["put", "a", "-"], &npy("[('a', '|u1'), ('b', '|S2')]", true, "(2, 3)", &data)).good();
    let order = [0, 2, 4, 1, 3, 5].map(|element: u8| [3 * element, 3 * element + 1, 3 * element + 2]);
    assert_eq!(place.run(&["cat", "a"]).good().stdout, order.concat());
}

/// What other programs and old versions of numpy write.
#[test]
fn headers_in_other_spellings() {
    let place = Place::new();
    for (descr, shape, name) in [
        ("'=f8'", "(2L, 1L)", "float64"),
        ("'f8'", "(2,)", "float64"),
        ("'float64'", "(2,)", "float64"),
        ("'|?'", "(16,)", "bool"),
        ("'|b1'", "(16,)", "bool"),
    ] {
        let data: Vec<u8> = (0..16).collect();
        place.run_with(&["put", "a", "-"], &npy(descr, false, shape, &data)).good();
        let value = place.store().reader("a").unwrap().latest().unwrap();
        assert_eq!(value.dtype().name(), name);
        if name == "bool" {
            assert_eq!(value.bytes(), [&[0][..], &[1; 15]].concat(), "what is not 0 is true");
        } else {
            assert_eq!(value.bytes(), data);
        }
    }
    let pipe = ["pipe", "a", "--dtype", "bool", "--shape", "4"];
    place.run_with(&pipe, &[0, 1, 2, 255]).good();
    assert_eq!(place.run(&["cat", "a"]).good().stdout, [0, 1, 1, 1]);

    // Latin-1, as numpy writes it in versions 1 and 2 of the format.
    let header = b"{'descr': [('gr\xf6\xdfe', '<f4')], 'fortran_order': False, 'shape': (1,), }\n";
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let file = [b"\x93NUMPY\x01\x00", &length[..], header, &[0, 0, 0, 0]].concat();
    place.run_with(&["put", "a", "-"], &file).good();
    assert_eq!(place.store().reader("a").unwrap().latest().unwrap().dtype().fields()[0].name(), "größe");
    let out = place.run(&["get", "a", "-o", "-"]).good().stdout;
    assert!(
        out[..8] == file[..8] && out.windows(5).any(|part| part == b"gr\xf6\xdfe"),
        "{}",
        out.escape_ascii()
    );

    for object in ["'|O'", "'|O8'", "[('a', '|O8')]"] {
        let refused = place.run_with(&["put", "a", "-"], &npy(object, false, "(1,)", &[0; 8]));
        let says = "Python objects, which mean nothing to other processes";
        assert!(!refused.status.success() && refused.stderr.contains(says), "{object}: {}", refused.stderr);
    }
}

/// The samples of a PNG as they are in the file, high byte first, read with the png crate alone.
fn decode(file: &[u8]) -> (png::ColorType, png::BitDepth, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.color_type, info.bit_depth, bytes)
}

#[test]
fn png_of_every_kind() {
    use png::{BitDepth, ColorType};
    let place = Place::new();
    for (shape, color) in [
        (&[5, 7][..], ColorType::Grayscale),
        (&[5, 7, 1], ColorType::Grayscale),
        (&[5, 7, 2], ColorType::GrayscaleAlpha),
        (&[5, 7, 3], ColorType::Rgb),
        (&[5, 7, 4], ColorType::Rgba),
        (&[1, 1], ColorType::Grayscale),
    ] {
        for (dtype, depth) in [(DType::UInt8, BitDepth::Eight), (DType::UInt16, BitDepth::Sixteen)] {
            let data = pattern(&dtype, shape.iter().product());
            place.store().writer("a").unwrap().write_bytes(&dtype, shape, &data).unwrap();
            place.run(&["get", "a", "-o", "a.png"]).good();
            let (found_color, found_depth, bytes) = decode(&std::fs::read(place.file("a.png")).unwrap());
            assert_eq!((found_color, found_depth), (color, depth), "{dtype} {shape:?}");
            let size = dtype.itemsize();
            let native: Vec<u8> =
                bytes.chunks(size).flat_map(|sample| sample.iter().rev().copied()).collect();
            assert_eq!(native, data, "{dtype} {shape:?}");

            place.run(&["put", "b", "a.png"]).good();
            let value = place.store().reader("b").unwrap().latest().unwrap();
            // One channel has no axis of its own.
            let expected: &[usize] = if shape.len() == 3 && shape[2] == 1 { &shape[..2] } else { shape };
            assert_eq!((value.dtype(), value.shape(), value.bytes()), (&dtype, expected, &data[..]));
        }
    }
    // What other programs write: a palette with transparency, and two pixels in a byte.
    let mut palette = Vec::new();
    let mut encoder = png::Encoder::new(&mut palette, 2, 1);
    encoder.set_color(ColorType::Indexed);
    encoder.set_palette(&[1, 2, 3, 4, 5, 6][..]);
    encoder.set_trns(&[255, 9][..]);
    encoder.write_header().unwrap().write_image_data(&[1, 0]).unwrap();
    place.run_with(&["put", "c", "-"], &palette).good();
    assert_eq!(place.run(&["cat", "c"]).good().stdout, [4, 5, 6, 9, 1, 2, 3, 255]);
    let mut half = Vec::new();
    let mut encoder = png::Encoder::new(&mut half, 2, 1);
    encoder.set_depth(BitDepth::Four);
    encoder.write_header().unwrap().write_image_data(&[0x1f]).unwrap();
    place.run_with(&["put", "c", "-"], &half).good();
    assert_eq!(place.run(&["cat", "c"]).good().stdout, [0x11, 0xff]);
}

#[test]
fn a_file_is_whole_or_as_it_was() {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(&[1_u8; 100], &[100]).unwrap();
    // A new file has the permissions that the umask leaves, an old one is replaced at one instant, a link stays a link.
    place.run(&["get", "a", "-o", "a.npy"]).good();
    let probe = place.file("probe");
    std::fs::write(&probe, "").unwrap();
    assert_eq!(place.file("a.npy").metadata().unwrap().mode(), probe.metadata().unwrap().mode());
    std::os::unix::fs::symlink("a.npy", place.file("link.npy")).unwrap();
    place.store().writer("a").unwrap().write_slice(&[2_u8; 50], &[50]).unwrap();
    place.run(&["get", "a", "-o", "link.npy"]).good();
    assert!(place.file("link.npy").is_symlink());
    assert_eq!(parts(&std::fs::read(place.file("a.npy")).unwrap()).1, [2; 50]);

    // A full disk: nothing is left, and what was there stays.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 64; trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ndsharray")]);
    place.store().writer("big").unwrap().write_slice(&vec![3_u8; 1 << 20], &[1 << 20]).unwrap();
    limited
        .args(["get", "big", "-o", "a.npy"])
        .env("NDSHARRAY_DIR", place.directory())
        .current_dir(place.file(""));
    let before = (place.names(), std::fs::read(place.file("a.npy")).unwrap());
    let ended = Running::start(limited).finish();
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert_eq!((place.names(), std::fs::read(place.file("a.npy")).unwrap()), before);

    // A file that was private stays private.
    std::fs::set_permissions(place.file("a.npy"), std::fs::Permissions::from_mode(0o600)).unwrap();
    place.run(&["get", "a", "-o", "a.npy"]).good();
    assert_eq!(place.file("a.npy").metadata().unwrap().mode() & 0o7777, 0o600);

    // No permission to write there (root has it everywhere).
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(place.file(""), std::fs::Permissions::from_mode(0o500)).unwrap();
        let ended = place.run(&["get", "a", "-o", "b.npy"]);
        std::fs::set_permissions(place.file(""), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    }
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing() {
    if skip_if_hangups_are_ignored("ctrl_c_in_the_middle_leaves_nothing") {
        return;
    }
    let place = Place::new();
    // A put that has read half of its array.
    let mut put = Running::start(place.command(&["put", "new", "-"]));
    let file = npy("'|u1'", false, "(1000000,)", &[7; 500_000]);
    put.child.stdin.as_mut().unwrap().write_all(&file).unwrap();
    until("it has its memory", || place.store().tags().unwrap() == ["new"]);
    put.signal(Signal::INT);
    until("it ends", || put.child.try_wait().unwrap().is_some());
    let ended = put.finish();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(130), "ndsharray: interrupted\n"));
    assert_eq!(place.names(), [""; 0]);

    // A put from a FIFO that nobody writes to, and one from a FIFO that gives a part of its array.
    rustix::fs::mknodat(rustix::fs::CWD, place.file("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    for part in [None, Some(&file[..100])] {
        let put = Running::start(place.command(&["put", "new", "fifo"]));
        let other_side = part.map(|part| {
            let mut fifo = std::fs::OpenOptions::new().write(true).open(place.file("fifo")).unwrap();
            fifo.write_all(part).unwrap();
            fifo
        });
        // SIGHUP is the last signal that it sets up.
        until("it listens", || put.catches(Signal::HUP));
        put.signal(Signal::INT);
        let ended = put.finish();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(130), "ndsharray: interrupted\n"));
        drop(other_side);
    }
    std::fs::remove_file(place.file("fifo")).unwrap();
    assert_eq!(place.names(), [""; 0]);

    // The terminal is closed while a get writes its temporary file. Noise keeps the PNG encoder busy for long enough.
    let noise: Vec<u8> = (0..4000_u32 * 4000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    place.store().writer("noise").unwrap().write_slice(&noise, &[4000, 4000]).unwrap();
    let get = Running::start(place.command(&["get", "noise", "-o", "noise.png"]));
    until("it writes", || place.names().iter().any(|name| name.ends_with(".part")));
    get.signal(Signal::HUP);
    let ended = get.finish();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(130), "ndsharray: interrupted\n"));
    place.store().remove("noise").unwrap();
    assert_eq!(place.names(), [""; 0]);

    // A cat into a pipe that nobody reads gives its slot back.
    place.store().writer("a").unwrap().write_slice(&vec![1_u8; 1 << 20], &[1 << 20]).unwrap();
    let (reader, writer) = unshared_pipe();
    let cat = Running::start_with_stdout(place.command(&["cat", "a"]), writer.into());
    let pinned = || place.store().stat("a").unwrap().value.unwrap().slots.pinned;
    until("it holds the value", || pinned() == 1);
    cat.signal(Signal::TERM);
    let ended = cat.finish();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(130), "ndsharray: interrupted\n"));
    assert_eq!(pinned(), 0);
    drop(reader);
}

/// A Python that has these modules: that of ci/python.sh, else that of the system.
fn python(modules: &str) -> Option<std::path::PathBuf> {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-venv/bin/python");
    [own, "python3".into()].into_iter().find(|python| {
        let mut probe = Command::new(python);
        probe.args(["-c", &format!("import {modules}")]).output().is_ok_and(|output| output.status.success())
    })
}

#[test]
fn numpy_and_pillow_agree() {
    let Some(python) = python("numpy, PIL") else {
        skip("numpy_and_pillow_agree", "no python3 with numpy and Pillow here (ci/python.sh makes one)");
        return;
    };
    let place = Place::new();
    let script = r#"
import subprocess, sys
import numpy as np
from PIL import Image
program = sys.argv[1]
def run(*args):
    subprocess.run([program, *args], check=True, stdout=subprocess.DEVNULL)
rng = np.random.default_rng(1)
names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128"
checked = 0
for name in names.split() + [
    "M8[us]", "m8[D]", "M8[25s]", "M8", "S7", "U5", "V6", [("x", "<f4"), ("y", ">i8", (2,))], [("größe", "f4"), ("µ", "i2")],
    [("名前", "f4")], np.dtype("i1,i4,i1", align=True), np.zeros(1, [("x", "f4"), ("y", "f8")])[["x"]].dtype,
    [(("a title", "x"), "f4")],
]:
    dtype = np.dtype(name)
    for shape in [(), (0,), (3, 4), (2, 3, 4)]:
        count = int(np.prod(shape))
        raw = rng.integers(0, 2 if name == "bool" else 100, count * dtype.itemsize, dtype=np.uint8).tobytes()
        array = np.frombuffer(raw, dtype).reshape(shape)
        variants = [array, np.asfortranarray(array)] if array.ndim else [array]
        if dtype.kind in "iufc":
            variants.append(array.astype(dtype.newbyteorder(">")))
            variants.append(np.asfortranarray(variants[-1]) if array.ndim else variants[-1])
        for variant in variants:
            np.save("in.npy", variant)
            run("put", "a", "in.npy")
            run("get", "a", "-o", "out.npy")
            out = np.load("out.npy")
            assert out.dtype == (np.load("in.npy").dtype if dtype.names else dtype) and out.shape == array.shape, (name, out.dtype, out.shape)
            # numpy does not copy the bytes between fields.
            same = np.array_equal(out, array) if dtype.names else out.tobytes() == array.tobytes()
            assert same, (name, shape)
            checked += 1
for mode, shape in [("L", (6, 9)), ("LA", (6, 9, 2)), ("RGB", (6, 9, 3)), ("RGBA", (6, 9, 4)), ("I;16", (6, 9))]:
    dtype = np.uint16 if mode == "I;16" else np.uint8
    array = rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    Image.fromarray(array).save("in.png")
    run("put", "p", "in.png")
    run("get", "p", "-o", "out.npy")
    assert np.array_equal(np.load("out.npy"), array) and np.load("out.npy").dtype == dtype, mode
    run("get", "p", "-o", "out.png")
    image = Image.open("out.png")
    assert np.array_equal(np.asarray(image), array), (mode, image.mode)
    checked += 1
# A palette, against what Pillow reads.
array = rng.integers(0, 255, (6, 9, 3), dtype=np.uint8)
Image.fromarray(array).convert("P", palette=Image.Palette.ADAPTIVE).save("in.png")
run("put", "p", "in.png")
run("get", "p", "-o", "out.npy")
assert np.array_equal(np.load("out.npy"), np.asarray(Image.open("in.png").convert("RGB")))
print(checked + 1)
"#;
    let mut command = Command::new(python);
    command.args(["-W", "ignore", "-c", script, env!("CARGO_BIN_EXE_ndsharray")]);
    command.env("NDSHARRAY_DIR", place.directory()).current_dir(place.file(""));
    let ended = Running::start(command).finish().good();
    let checked: u32 = ended.text().trim().parse().unwrap();
    assert!(checked > 150, "{checked}");
}
