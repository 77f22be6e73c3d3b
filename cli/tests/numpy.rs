//! What `convert` makes, read by numpy and pandas with the lines of docs/recording.md.

mod place;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{RecordingOptions, Value};
use place::{Place, Running, START, record, recorded, skip};

/// A Python with numpy and pandas: that of ci/python.sh, or of this machine.
fn python() -> Option<PathBuf> {
    let of_ci = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-venv/bin/python");
    [of_ci, PathBuf::from("python3")].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import numpy, pandas"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

const CHECKS: &str = r#"
assert isinstance(values, np.memmap) and values.shape == (5, 4, 3) and values.dtype == np.uint8
assert [int(value[0, 0]) for value in values] == [0, 1, 2, 3, 4]
start = np.datetime64(1_700_000_000_000_000_000, "ns")
assert (times["written_at"] == start + np.arange(5) * np.timedelta64(1, "ms")).all()
assert (times["index"] == np.arange(5)).all() and (times["version"] == np.arange(1, 6)).all()
assert (np.isnat(times["acquired_at"]) == [False, True, True, True, True]).all()
assert times["acquired_at"][0] == start - np.timedelta64(7, "ns")
assert list(table.columns) == ["index", "version", "acquired_at", "source_written_at"]
assert table.index[4] == pd.Timestamp(1_700_000_000_004_000_000, unit="ns")
assert table["acquired_at"].isna().sum() == 4 and table["source_written_at"].isna().all()
assert list(attributes.index) == [0, 1, 2, 3, 4] and attributes[3] == {"gain": 1.5}
assert pose.shape == (2, 7) and pose.iloc[1, 6] == 6.5 and pose.index[0] == pd.Timestamp(start)
points = np.load("out/odd/values.npy")
assert points.dtype.names == ("x", "id") and points["id"].tolist() == [[1, 2]]
"#;

#[test]
fn numpy_and_pandas_read_what_convert_makes() {
    let Some(python) = python() else {
        skip(
            "numpy_and_pandas_read_what_convert_makes",
            "no Python with numpy and pandas here (ci/python.sh makes one)",
        );
        return;
    };
    let place = Place::new();
    let frames: Vec<[u8; 12]> = (0..5).map(|number| [number; 12]).collect();
    let mut values = Vec::new();
    for (number, frame) in (0..).zip(&frames) {
        values.push(Value {
            attributes: Some(r#"{"gain": 1.5}"#),
            acquired_at: (number == 0).then(|| UnixTime::from(START - 7)),
            ..recorded("cam", &[4, 3], frame, number + 1, START + number * 1_000_000)
        });
    }
    let pose: Vec<u8> = (0..7).flat_map(|number| (f64::from(number) + 0.5).to_ne_bytes()).collect();
    for version in 1..=2 {
        values.push(Value { dtype: &DType::Float64, ..recorded("pose", &[7], &pose, version, START) });
    }
    let point: DType = "[('x', 'f4'), ('id', 'u2')]".parse().unwrap();
    let points = [&[0; 4], &1_u16.to_ne_bytes()[..], &[0; 4], &2_u16.to_ne_bytes()].concat();
    values.push(Value { dtype: &point, ..recorded("odd", &[2], &points, 1, START) });
    record(&place.file("run.mcap"), RecordingOptions::new(), &values);
    place.run(&["convert", "run.mcap", "out"]).good();
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recording.md")).unwrap();
    let section = page.split_once("\n## Convert\n").unwrap().1;
    let block = section.split_once("```python\n").unwrap().1.split_once("```").unwrap().0;
    let mut command = Command::new(python);
    command.args(["-c", &format!("{block}{CHECKS}")]).current_dir(place.file(""));
    Running::start(command).finish().good();
}
