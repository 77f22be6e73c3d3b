//! The screen on a terminal in memory.

use std::time::{Duration, Instant};

use ndsharray::{DType, Meta, Store};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::super::grid::Position;
use super::super::picture::{NAN, ramp};
use super::super::preview;
use super::super::row::tests::{look, state};
use super::super::row::{Row, Trouble};
use super::*;

/// What is on the screen, a string for each line.
fn drawn(size: (u16, u16), screen: &Screen) -> (Vec<String>, Buffer) {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw(frame, screen)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
    (buffer.content.chunks(size.0.into()).map(line).collect(), buffer)
}

fn of<'a>(model: &'a Model, seen: Result<&'a Preview, &'a str>, now: Instant) -> Screen<'a> {
    Screen {
        directory: Path::new("/dev/shm"),
        model,
        seen,
        help: false,
        trouble: None,
        interval: Duration::from_millis(500),
        colours: Colours::True,
        now,
    }
}

fn model(now: Instant) -> Model {
    let mut model = Model::new(None);
    for (after, version) in [(0, 10), (500, 25)] {
        let at = now + Duration::from_millis(after);
        let camera = look("camera", at, Ok(state(version)));
        let still = look("still", at, Ok(super::super::row::State { writer_alive: false, ..state(1) }));
        model.update(vec![camera, still], at);
    }
    model
}

#[test]
fn the_list_has_a_line_for_each_tag() {
    let now = Instant::now();
    let (lines, _) = drawn((120, 8), &of(&model(now), Err(""), now));
    assert!(
        lines[0].starts_with("ndsharray top   /dev/shm   2 tags, 8.19 kB   every 500 ms   by tag"),
        "{lines:?}"
    );
    for heading in ["TAG", "LAYOUT", "RATE", "MB/s", "AGE", "VERSION", "PINS", "MEMORY", "STATE"] {
        assert!(lines[1].contains(heading), "{heading}: {}", lines[1]);
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let camera = ["camera", "uint8", "4,5", "30/s", "0.00", "3", "ms", "25", "1", "4.10", "kB", "▇", "live"];
    assert_eq!(words(&lines[2]), camera);
    assert!(lines[3].starts_with("still") && lines[3].contains("no writer"), "{}", lines[3]);
    assert!(lines[7].contains("Enter look inside") && lines[7].contains("q quit"));
}

#[test]
fn a_narrow_terminal_keeps_what_matters_most() {
    let now = Instant::now();
    let model = model(now);
    let shown = |width| drawn((width, 6), &of(&model, Err(""), now)).0;
    assert!(shown(80)[2].contains('▇') && !shown(80)[1].contains("LAYOUT"));
    assert!(
        ["RATE", "MB/s", "AGE", "VERSION", "PINS", "MEMORY"].iter().all(|word| shown(80)[1].contains(word))
    );
    assert!(shown(40)[1].contains("MB/s") && shown(40)[2].contains("live") && !shown(40)[1].contains("AGE"));
    // Nothing to see, and nothing that goes wrong.
    for size in [(1, 1), (3, 2), (8, 3), (200, 1)] {
        drawn(size, &of(&model, Err(""), now));
    }
}

#[test]
fn trouble_stands_in_the_row_and_inside() {
    let now = Instant::now();
    let mut model = model(now);
    let broken = Err(Trouble::Broken("\"still\" is damaged".into()));
    model.update(vec![look("camera", now, Err(Trouble::Gone)), look("still", now, broken)], now);
    model.open = true;
    let (lines, _) = drawn((100, 20), &of(&model, Err("never shown"), now));
    assert!(lines[2].contains("gone") && lines[3].contains("broken"), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("The tag is gone.")), "{lines:?}");
    model.select(1);
    let (lines, _) = drawn((100, 20), &of(&model, Err("never shown"), now));
    assert!(lines.iter().any(|line| line.contains("\"still\" is damaged")), "{lines:?}");
    let screen = Screen { trouble: Some("the store is gone"), ..of(&model, Err(""), now) };
    assert!(drawn((100, 20), &screen).0[0].starts_with("the store is gone"));
    let (lines, _) = drawn((100, 20), &of(&Model::new(None), Err(""), now));
    assert!(lines.concat().contains("No arrays in this store."));
}

#[test]
fn a_list_longer_than_the_screen_shows_the_selected_tag() {
    let now = Instant::now();
    let mut model = Model::new(None);
    model.update((0..100).map(|i| look(&format!("tag-{i:03}"), now, Ok(state(1)))).collect(), now);
    model.select(isize::MAX);
    model.open = true;
    let (lines, _) = drawn((80, 24), &of(&model, Err(""), now));
    assert!(lines.iter().any(|line| line.starts_with("tag-099")), "{lines:?}");
}

/// Publishes one array and draws it from inside.
fn inside(dtype: DType, shape: &[usize], bytes: &[u8], colours: Colours) -> (Vec<String>, Buffer) {
    inside_with(dtype, shape, bytes, &Meta::new(), colours)
}

fn inside_with(
    dtype: DType,
    shape: &[usize],
    bytes: &[u8],
    meta: &Meta,
    colours: Colours,
) -> (Vec<String>, Buffer) {
    const SIZE: (u16, u16) = (60, 30);
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.writer("a").unwrap().write_bytes_with(&dtype, shape, bytes, meta).unwrap();
    let now = Instant::now();
    let mut model = Model::new(Some("a"));
    let state = super::super::row::State { source: "rob\u{1b}ot".into(), ..state(1) };
    model.update(vec![look("a", now, Ok(state))], now);
    let room = |attributes| room(Rect::new(0, 0, SIZE.0, SIZE.1), &model, attributes);
    let seen =
        preview::refresh(&store.reader("a").unwrap(), None, Position::default(), room).unwrap().unwrap();
    drawn(SIZE, &Screen { colours, ..of(&model, Ok(&seen), now) })
}

/// The colours, upper and lower, of every half-block on the screen.
fn blocks(buffer: &Buffer) -> Vec<(Color, Color)> {
    buffer.content.iter().filter(|cell| cell.symbol() == "▀").map(|cell| (cell.fg, cell.bg)).collect()
}

fn rgb([r, g, b]: [u8; 3]) -> Color {
    Color::Rgb(r, g, b)
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

#[test]
fn an_image_is_drawn_in_its_colours() {
    // Red over blue.
    let image: Vec<u8> = [[255, 0, 0]; 40].into_iter().chain([[0, 0, 255]; 40]).flatten().collect();
    let (lines, buffer) = inside(DType::UInt8, &[8, 10, 3], &image, Colours::True);
    assert!(lines.iter().any(|line| line.starts_with("uint8 8,10,3   240 B   version 1")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("min 0   max 255   mean 85   NaN 0")), "{lines:?}");
    let (red, blue) = (rgb([255, 0, 0]), rgb([0, 0, 255]));
    let found = blocks(&buffer);
    assert_eq!((found.first(), found.last()), (Some(&(red, red)), Some(&(blue, blue))));
    assert!(found.iter().all(|(upper, lower)| [red, blue].contains(upper) && [red, blue].contains(lower)));
    let reds = found.iter().filter(|pair| pair.0 == red).count();
    assert!((reds * 2).abs_diff(found.len()) <= 2 * 60 && found.len() > 500, "{reds} of {}", found.len());

    let (_, buffer) = inside(DType::UInt8, &[8, 10, 3], &image, Colours::Of256);
    assert_eq!(blocks(&buffer)[0].0, Color::Indexed(196));
}

#[test]
fn what_travels_with_a_value_has_lines_of_its_own() {
    // Red over blue, blue first.
    let image: Vec<u8> = [[0, 0, 255]; 40].into_iter().chain([[255, 0, 0]; 40]).flatten().collect();
    let meta = Meta::new().acquired_at(1_700_000_000_250_000_000);
    let attributes = "{\"encoding\": \"bgr8\",\n \"note\": \"\u{9b}2J\"}";
    let with = meta.clone().attributes_json(attributes).unwrap();
    let (lines, buffer) = inside_with(DType::UInt8, &[8, 10, 3], &image, &with, Colours::True);
    let at = lines.iter().position(|line| line.starts_with("min 0   max 255")).unwrap();
    assert!(lines[at + 1].starts_with("written 1"), "{lines:#?}");
    let line = "{\"encoding\": \"bgr8\",  \"note\": \"\\u009b2J\"}";
    assert_eq!(lines[at + 2].trim_end(), line);
    assert!(lines[at + 3].contains('▀'), "the picture begins below: {lines:#?}");
    let (red, blue) = (rgb([255, 0, 0]), rgb([0, 0, 255]));
    let found = blocks(&buffer);
    assert_eq!((found.first(), found.last()), (Some(&(red, red)), Some(&(blue, blue))));

    // A line less without attributes; both times and the source, on a screen that has room for them.
    let (lines, buffer) = inside_with(DType::UInt8, &[8, 10, 3], &image, &meta, Colours::True);
    assert!(
        lines[at + 1].contains("   acquired 1700000000.250000000") && lines[at + 2].contains('▀'),
        "{lines:#?}"
    );
    assert_eq!(blocks(&buffer).first(), Some(&(blue, blue)), "without a word, red is first");
    let user_data = Meta::new().user_data(attributes.as_bytes()).unwrap();
    let (lines, buffer) = inside_with(DType::UInt8, &[8, 10, 3], &image, &user_data, Colours::True);
    assert_eq!(blocks(&buffer).first(), Some(&(blue, blue)), "user data are no attributes");
    assert!(lines[at + 1].trim_end().ends_with("   from rob\\u001bot"), "{lines:#?}");
}

#[test]
fn numbers_in_two_axes_are_drawn_on_a_scale_and_nan_stands_out() {
    let values = f32s(&[-1.0, f32::NAN, 1.0, 3.0]);
    let depth = Meta::new().attributes_json(r#"{"encoding": "32FC1"}"#).unwrap();
    let (lines, buffer) = inside_with(DType::Float32, &[2, 2], &values, &depth, Colours::True);
    let line = lines.iter().find(|line| line.starts_with("min")).unwrap();
    assert!(line.starts_with("min -1   max 3   mean 1   NaN 1 ■   min ████████████ max"), "{line}");
    let mut found: Vec<Color> = blocks(&buffer).iter().flat_map(|pair| [pair.0, pair.1]).collect();
    found.dedup();
    let [least, nan, middle, greatest] = [ramp(0.0), NAN, ramp(0.5), ramp(1.0)].map(rgb);
    assert!([least, nan, middle, greatest].iter().all(|colour| found.contains(colour)), "{found:?}");
}

#[test]
fn one_axis_is_drawn_as_a_line_with_gaps() {
    let mut values: Vec<f32> = (0..400).map(|i| (i as f32 / 40.0).sin()).collect();
    values[100..150].fill(f32::NAN);
    let (lines, buffer) = inside(DType::Float32, &[400], &f32s(&values), Colours::True);
    let braille = |line: &String| line.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    assert!(lines.iter().map(braille).sum::<usize>() > 60, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NaN 50")), "{lines:?}");
    let marks = buffer.content.iter().filter(|cell| cell.symbol() == "█" && cell.fg == rgb(NAN)).count();
    assert!((4..=10).contains(&marks), "{marks}: {lines:#?}");
    // All alike, all NaN, infinite: a picture or none, but no panic.
    for values in [[2.0, 2.0], [f32::NAN; 2], [f32::INFINITY, 1.0]] {
        inside(DType::Float32, &[2], &f32s(&values), Colours::True);
    }
}

#[test]
fn everything_else_is_shown_as_numbers() {
    let has = |lines: &[String], text: &str| {
        assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}")
    };
    has(&inside(DType::Float64, &[], &2.5_f64.to_ne_bytes(), Colours::True).0, "2.5");
    has(
        &inside(DType::UInt8, &[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8], Colours::True).0,
        "[1, 0, :]         5         6",
    );
    has(&inside(DType::Bool, &[1], &[1], Colours::True).0, "true");
    has(&inside(DType::Float32, &[0, 5], &[], Colours::True).0, "no elements");
    let custom = DType::custom("pair", 2, "V2").unwrap();
    let (lines, _) = inside(custom, &[2], &[1, 2, 3, 4], Colours::True);
    has(&lines, "pair 2");
    has(&lines, "a custom dtype, shown as bytes");
    has(&lines, "[1]  0304");
}

#[test]
fn records_and_points_are_tables() {
    let dtype: DType = "[('id', '<u2'), ('at', '<M8[ms]')]".parse().unwrap();
    let bytes: Vec<u8> = (0..100_u16).flat_map(|id| [&id.to_le_bytes()[..], &[0; 8]].concat()).collect();
    let (lines, buffer) = inside(dtype, &[100], &bytes, Colours::True);
    let at = lines.iter().position(|line| line.starts_with("records 1-21 of 100")).unwrap();
    assert_eq!(lines[at + 2].trim_end(), "            id  at", "{lines:#?}");
    assert_eq!(lines[at + 3].trim_end(), "[0]          0  1970-01-01T00:00:00.000");
    let bold = buffer[(12, at as u16 + 2)].modifier;
    assert!(bold.contains(ratatui::style::Modifier::BOLD));
    let (lines, _) = inside(DType::Float32, &[30, 3], &f32s(&[0.5; 90]), Colours::True);
    assert!(lines.iter().any(|line| line.starts_with("rows 1-21 of 30   min 0.5   max 0.5")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.trim_end() == "[9, :]        0.5       0.5       0.5"),
        "{lines:#?}"
    );
}

#[test]
fn without_colours_brightness_is_a_character() {
    let depth = Meta::new().attributes_json(r#"{"encoding": "32FC1"}"#).unwrap();
    let values = f32s(&[0.0, 0.5, 1.0, f32::NAN]);
    let (lines, buffer) = inside_with(DType::Float32, &[1, 4], &values, &depth, Colours::None);
    let picture = lines.iter().rfind(|line| line.contains('×')).unwrap();
    let mut found: Vec<char> = picture.trim().chars().collect();
    found.dedup();
    assert_eq!(found, ['░', '█', '×'], "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NaN 1 ×   min    ░░░▒")), "{lines:#?}");
    let coloured = |cell: &ratatui::buffer::Cell| matches!(cell.fg, Color::Rgb(..) | Color::Indexed(_));
    assert!(!buffer.content.iter().any(coloured));
}

#[test]
fn the_keys_are_a_screen_of_their_own() {
    let now = Instant::now();
    let model = model(now);
    for size in [(80, 24), (40, 12)] {
        let (lines, _) = drawn(size, &Screen { help: true, ..of(&model, Err(""), now) });
        for word in ["PgUp", "Enter", "Esc", "select a tag beside a table", "q, Ctrl-C"] {
            assert!(lines.iter().any(|line| line.contains(word)), "{word}: {lines:#?}");
        }
        assert!(!lines.concat().contains("camera"), "{lines:#?}");
    }
}

#[test]
fn every_dtype_can_be_a_picture_and_a_line() {
    for dtype in DType::built_in() {
        let bytes: Vec<u8> = (0..dtype.itemsize() * 96).map(|i| u8::from(i % 7 == 0)).collect();
        let (_, buffer) = inside(dtype.clone(), &[8, 12], &bytes, Colours::True);
        assert!(blocks(&buffer).len() > 400, "{dtype}");
        let (lines, _) = inside(dtype.clone(), &[96], &bytes, Colours::True);
        assert!(lines.iter().any(|line| line.contains("[95]")), "{dtype}: {lines:#?}");
    }
    let row = Row::new("a");
    assert_eq!(list::state(&row, Instant::now()).0, "");
}
