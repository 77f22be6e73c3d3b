//! The side of Rust in the matrix.
//!   matrix write DIRECTORY CASES    writes each case under the tag of its number; the odd ones by a loan
//!   matrix read DIRECTORY CASES     prints what is under the tag of each case, in the form of the cases

use std::error::Error;

use ndsharray::{DType, Meta, Store, UnixTime};

fn from_hex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits = if text == "-" { "" } else { text };
    (0..digits.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&digits[at..at + 2], 16)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    or_dash(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn write(store: &Store, columns: &[&str]) -> Result<(), Box<dyn Error>> {
    let dtype: DType = columns[1].parse()?;
    let axes = columns[2].split(',').filter(|&axis| axis != "-");
    let shape = axes.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let data = from_hex(columns[3])?;
    let meta =
        Meta::new().acquired_at(columns[6].parse::<u64>()?).source_written_at(columns[7].parse::<u64>()?);
    let meta = match columns[4] {
        "-" => meta.user_data(from_hex(columns[5])?)?,
        attributes => meta.attributes_json(attributes)?,
    };
    let mut writer = store.writer(columns[0])?;
    if columns[0].parse::<usize>()? % 2 == 0 {
        writer.write_bytes_with(&dtype, &shape, &data, &meta)?;
    } else {
        let mut loan = writer.loan_bytes(&dtype, &shape)?;
        loan.as_mut_slice().copy_from_slice(&data);
        loan.set_meta(meta);
        loan.publish()?;
    }
    Ok(())
}

fn read(store: &Store, tag: &str) -> Result<String, Box<dyn Error>> {
    let value = store.reader(tag)?.latest()?;
    let dtype = match value.dtype() {
        custom @ DType::Custom(_) => custom.descr(),
        built_in => built_in.name(),
    };
    let shape: Vec<String> = value.shape().iter().map(usize::to_string).collect();
    let attributes = value.attributes_json()?;
    let user_data = if attributes.is_some() { &[] } else { value.user_data() };
    let time = |time: Option<UnixTime>| time.map_or(0, UnixTime::as_nanos).to_string();
    let columns = [
        tag,
        dtype,
        &or_dash(shape.join(",")),
        &hex(value.bytes()),
        attributes.unwrap_or("-"),
        &hex(user_data),
        &time(value.acquired_at()),
        &time(value.source_written_at()),
    ];
    Ok(columns.join("\t"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [action, directory, cases] = &arguments[..] else {
        return Err("usage: write|read DIRECTORY CASES".into());
    };
    let store = Store::open(directory)?;
    for line in std::fs::read_to_string(cases)?.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        if action == "write" {
            write(&store, &columns)?;
        } else {
            println!("{}", read(&store, columns[0])?);
        }
    }
    Ok(())
}
