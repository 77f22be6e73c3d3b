//! Writes a recording of made-up values: of every dtype, images, values with attributes and user data, and a tag whose layout
//! changes.
//!
//!     cargo run --package ndsharray-recording --example make_recording -- run.mcap --compress zstd
//!
//! The bytes of value number n are n, n + 7, n + 14 and so on, modulo 256, those of bools modulo 2. Value n was written n / 30
//! seconds after the start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Compression, RecordingOptions, RecordingWriter, Result, Value};

/// How many values of a tag, unless `--values` says it.
const VALUES: u64 = 10;
/// In November 2023.
const START: u64 = 1_700_000_000_000_000_000;
const FRAME_TIME: u64 = 33_333_333;
/// From the opening of the shutter to the write.
const DELAY: u64 = 4_000_000;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (mut path, mut options, mut values) = (PathBuf::from("run.mcap"), RecordingOptions::new(), VALUES);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut text = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--compress" => options = options.compression(compression(&text()?)?),
            "--split" => options = options.split(text()?.parse()?),
            "--min-free" => options = options.min_free(text()?.parse()?),
            "--values" => values = text()?.parse()?,
            _ => path = argument.into(),
        }
    }
    let tags = dtypes()?;
    let mut writer = options.create(path)?;
    let missed = BTreeMap::from([("cam".to_owned(), "3".to_owned()), ("uint8".to_owned(), "0".to_owned())]);
    writer.set_metadata("ndsharray.missed", missed);
    for number in 1..=values {
        images(&mut writer, number)?;
        for (tag, dtype) in &tags {
            append(&mut writer, tag, dtype, &[2, 3], number, Some(r#"{"unit":"m"}"#))?;
        }
        // One element, none, a few, a shape that changes, and a dtype that changes.
        append(&mut writer, "scalar", &DType::Float64, &[], number, None)?;
        append(&mut writer, "empty", &DType::Float32, &[0, 3], number, None)?;
        append(&mut writer, "pose", &DType::Float64, &[3], number, None)?;
        append(&mut writer, "cloud", &DType::Float32, &[100 + number as usize, 3], number, None)?;
        let dtype = if number % 2 == 1 { DType::Int32 } else { DType::Float64 };
        append(&mut writer, "switching", &dtype, &[4], number, None)?;
    }
    for file in writer.finish()?.files {
        println!("{}", file.display());
    }
    Ok(())
}

/// Tags that viewers show.
fn images(writer: &mut RecordingWriter, number: u64) -> Result<()> {
    append(writer, "cam", &DType::UInt8, &[48, 64], number, Some(r#"{"exposure":0.01,"roi":[0,0,64,48]}"#))?;
    append(writer, "cam.16", &DType::UInt16, &[48, 64], number, None)?;
    append(writer, "cam.rgb", &DType::UInt8, &[48, 64, 3], number, None)?;
    append(writer, "cam.bgr", &DType::UInt8, &[48, 64, 3], number, Some(r#"{"encoding":"bgr8"}"#))?;
    append(writer, "cam.rgba", &DType::UInt8, &[48, 64, 4], number, None)?;
    append(writer, "cam.bgra", &DType::UInt8, &[4, 4, 4], number, Some(r#"{"encoding":"bgra8"}"#))?;
    append(writer, "depth", &DType::Float32, &[48, 64], number, None)
}

/// A dtype of each kind, under a tag that is its name. What numpy makes a dtype from stands beside those that their name does not
/// tell.
fn dtypes() -> ndsharray::Result<Vec<(&'static str, DType)>> {
    let numbers = [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "bool",
    ];
    let custom = [
        ("datetime", "datetime64[ns]", 8, "<M8[ns]"),
        ("timedelta", "timedelta64[ms]", 8, "<m8[ms]"),
        ("bytes", "bytes32", 4, "|S4"),
        ("str", "str64", 8, "<U2"),
        ("void", "void24", 3, "|V3"),
        ("datetime.big-endian", "datetime64[us]", 8, ">M8[us]"),
        ("record.big-endian", "void64", 8, "[('x', '>f4'), ('y', '>i4')]"),
        // Of the package ml_dtypes.
        ("bfloat16", "bfloat16", 2, "<V2"),
        ("record", "void96", 12, "[('stamp', '<u8'), ('id', '<i4')]"),
        (
            "aligned",
            "void192",
            24,
            "{'names': ['stamp', 'position', 'valid'], 'formats': ['<u8', ('<f4', (3,)), '|b1'], \
             'offsets': [0, 8, 20], 'itemsize': 24}",
        ),
    ];
    let numbers = numbers.into_iter().map(|name| Ok((name, DType::from_name(name)?)));
    let custom = custom.into_iter();
    let custom = custom.map(|(tag, name, size, descr)| Ok((tag, DType::custom(name, size, descr)?)));
    numbers.chain(custom).collect()
}

/// Appends value number `number` of a tag. It has the attributes as its user data too, as in a store; else the number.
fn append(
    writer: &mut RecordingWriter,
    tag: &str,
    dtype: &DType,
    shape: &[usize],
    number: u64,
    attributes: Option<&str>,
) -> Result<()> {
    let nbytes = dtype.itemsize() * shape.iter().product::<usize>();
    let modulo = if *dtype == DType::Bool { 2 } else { 256 };
    let bytes: Vec<u8> = (0..nbytes as u64).map(|index| ((number + index * 7) % modulo) as u8).collect();
    let frame_number = number.to_le_bytes();
    let written_at = START + number * FRAME_TIME;
    writer.append(&Value {
        tag,
        dtype,
        shape,
        bytes: &bytes,
        user_data: attributes.map_or(&frame_number, str::as_bytes),
        attributes,
        // Above what the sequence of a message holds.
        version: (1 << 32) + number,
        written_at: UnixTime::from(written_at),
        acquired_at: tag.starts_with("cam").then_some(UnixTime::from(written_at - DELAY)),
        source_written_at: (tag == "depth").then_some(UnixTime::from(written_at - DELAY / 2)),
    })
}

fn compression(name: &str) -> std::result::Result<Compression, String> {
    match name {
        "none" => Ok(Compression::None),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(format!("--compress {name}: pass none, lz4 or zstd")),
    }
}
