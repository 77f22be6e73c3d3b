//! The selected array from inside: its layout, its statistics, and a picture, a line or a table.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Borders, Chart, Dataset, GraphType, Paragraph, Wrap};

use crate::table::visible;
use crate::units;

use super::picture::{self, Image, NAN, Pixels, Rgb};
use super::preview::{Drawing, Point, Preview};
use super::row::{Row, Trouble};
use super::sample;
use super::statistics::Statistics;
use super::words;

/// Which colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    True,
    Of256,
    /// None: brightness is shown by characters.
    None,
}

impl Colours {
    fn of(self, rgb: Rgb) -> Color {
        match self {
            Colours::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
            Colours::Of256 => Color::Indexed(picture::nearest_256(rgb)),
            Colours::None => Color::Reset,
        }
    }
}

/// Three lines of text, one more if there are attributes, and the rest for the drawing.
fn parts(area: Rect, attributes: bool) -> [Rect; 2] {
    let inner = Block::new().borders(Borders::TOP).inner(area);
    Layout::vertical([Constraint::Length(3 + u16::from(attributes)), Constraint::Min(0)]).areas(inner)
}

/// The columns and rows that the drawing has, beside attributes or without.
pub fn room(area: Rect, attributes: bool) -> (u16, u16) {
    let [_, drawing] = parts(area, attributes);
    (drawing.width, drawing.height)
}

/// Draws `seen`, or why there is nothing to see.
pub fn draw(frame: &mut Frame, area: Rect, row: &Row, seen: Result<&Preview, &str>, colours: Colours) {
    let tag = words::shorten(&row.tag, usize::from(area.width.saturating_sub(2)));
    let title = Line::from(vec![" ".into(), tag.bold(), " ".into()]);
    frame.render_widget(Block::new().borders(Borders::TOP).title(title), area);
    let [text, drawing] = parts(area, seen.is_ok_and(|preview| preview.attributes.is_some()));
    let trouble = match (&row.trouble, seen) {
        (Some(Trouble::Gone), _) => Err("The tag is gone."),
        (Some(Trouble::DataMissing(reason) | Trouble::Broken(reason)), _) => Err(&reason[..]),
        (None, seen) => seen,
    };
    match trouble {
        Ok(preview) => {
            frame.render_widget(Paragraph::new(lines(row, preview, colours)), text);
            match &preview.drawing {
                Drawing::Picture { pixels, .. } => draw_pixels(frame, drawing, pixels, colours),
                Drawing::Line(points) => draw_line(frame, drawing, points, preview.shape[0] - 1, colours),
                Drawing::Table(grid) => {
                    let heading = Some(&grid.heading).filter(|heading| !heading.is_empty());
                    let heading = heading.map(|heading| Line::from(&heading[..]).bold());
                    let rows = grid.lines.iter().map(|line| Line::from(&line[..]));
                    let lines: Vec<Line> = heading.into_iter().chain(rows).collect();
                    frame.render_widget(Paragraph::new(lines), drawing);
                }
            }
        }
        Err(reason) => {
            let whole = text.union(drawing);
            frame.render_widget(Paragraph::new(reason).wrap(Wrap { trim: false }).fg(Color::Yellow), whole);
        }
    }
}

/// What is said above the drawing.
pub fn lines<'a>(row: &'a Row, preview: &'a Preview, colours: Colours) -> Vec<Line<'a>> {
    let mut first = format!(
        "{}   {}   version {}",
        sample::layout(&preview.dtype, &preview.shape, 40),
        units::bytes(preview.nbytes as u64),
        preview.version
    );
    if let Some((pinned, slots)) = row.value().map(|value| value.slots) {
        first += &format!("   slots {slots}, pinned {pinned}");
    }
    let mut second = vec![];
    if let Drawing::Table(grid) = &preview.drawing {
        second.extend((!grid.part.is_empty()).then(|| format!("{}   ", grid.part).into()));
        second.extend(preview.shape.contains(&0).then(|| "no elements   ".into()));
    }
    match &preview.statistics {
        Some(statistics) => {
            second.push(Span::from(numbers(statistics)));
            if statistics.nan > 0 && !matches!(preview.drawing, Drawing::Table(_)) {
                second.extend([" ".into(), pixel(NAN, colours)]);
            }
            if let (Drawing::Picture { image, .. }, Some(_)) = (&preview.drawing, &statistics.range) {
                second.extend(scale(image, colours));
            }
        }
        None if preview.dtype.scalar().is_none() && preview.dtype.fields().is_empty() => {
            second.push("a custom dtype, shown as bytes".into());
        }
        None => {}
    }
    let mut lines = vec![Line::from(first), Line::from(second), Line::from(origin(row, preview))];
    lines.extend(preview.attributes.as_deref().map(Line::from));
    lines
}

/// When and where the value was made.
fn origin(row: &Row, preview: &Preview) -> String {
    let mut text = format!("written {}", preview.written_at);
    if let Some(time) = preview.acquired_at {
        text += &format!("   acquired {time}");
    }
    if let Some(state) = row.state.as_ref().filter(|state| !state.source.is_empty()) {
        text += &format!("   from {}", visible(&state.source));
    }
    text
}

fn numbers(statistics: &Statistics) -> String {
    let Statistics { step, nan, range, .. } = statistics;
    let range = match range {
        Some(range) => {
            let [min, max] = &range.texts;
            format!("min {min}   max {max}   mean {}   ", units::number(range.mean))
        }
        None => String::new(),
    };
    let sampled = if *step > 1 { format!("sampled 1/{step}   ") } else { String::new() };
    format!("{range}{sampled}NaN {nan}")
}

/// The colours from the least to the greatest number.
fn scale(image: &Image, colours: Colours) -> Vec<Span<'static>> {
    if !image.has_scale() {
        return Vec::new();
    }
    let step = |i: u8| pixel(image.colour(f64::from(i) / 11.0), colours);
    std::iter::once("   min ".into()).chain((0..12).map(step)).chain([" max".into()]).collect()
}

/// A cell of one colour.
fn pixel(rgb: Rgb, colours: Colours) -> Span<'static> {
    match colours {
        Colours::None => Span::from(shade([rgb; 2]).to_string()),
        _ => Span::styled(if rgb == NAN { "■" } else { "█" }, Style::new().fg(colours.of(rgb))),
    }
}

/// The character that is as bright as two pixels.
fn shade(pixels: [Rgb; 2]) -> char {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    if pixels.contains(&NAN) {
        return '×';
    }
    let bright = |[r, g, b]: Rgb| 30 * usize::from(r) + 59 * usize::from(g) + 11 * usize::from(b);
    SHADES[(bright(pixels[0]) + bright(pixels[1])) * SHADES.len() / (2 * 100 * 255 + 1)]
}

/// Two pixels in a cell: the upper half of it has the colour of the text, the lower that of the background.
fn draw_pixels(frame: &mut Frame, area: Rect, pixels: &Pixels, colours: Colours) {
    let rows: Vec<&[Rgb]> = pixels.rgb.chunks(pixels.width.max(1)).collect();
    let left = area.width.saturating_sub(pixels.width.try_into().unwrap_or(u16::MAX)) / 2;
    for (y, pair) in (area.top()..area.bottom()).zip(rows.chunks(2)) {
        for (x, (i, &upper)) in (area.left() + left..area.right()).zip(pair[0].iter().enumerate()) {
            if colours == Colours::None {
                frame.buffer_mut()[(x, y)].set_char(shade([upper, pair.get(1).map_or(upper, |row| row[i])]));
                continue;
            }
            let lower = pair.get(1).map_or(Color::Reset, |row| colours.of(row[i]));
            frame.buffer_mut()[(x, y)].set_char('▀').set_fg(colours.of(upper)).set_bg(lower);
        }
    }
}

fn draw_line(frame: &mut Frame, area: Rect, points: &[Point], last: usize, colours: Colours) {
    let ranges = || points.iter().filter_map(|point| point.range);
    let (min, max) = ranges().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (c, d)| (a.min(c), b.max(d)));
    let (min, max) = if min > max { (0.0, 1.0) } else { (min, max) };
    // A line whose values are all the same is drawn in the middle.
    let (low, high) =
        if min < max { (min, max) } else { (min - min.abs().max(1.0), max + max.abs().max(1.0)) };
    // The line has a gap where there is no finite value to draw.
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for point in points {
        match (point.range, pieces.last_mut()) {
            (Some((least, greatest)), Some(piece)) => {
                let x = point.at as f64;
                piece.extend([(x, least), (x, greatest)]);
            }
            _ => pieces.push(Vec::new()),
        }
    }
    let nan: Vec<(f64, f64)> =
        points.iter().filter(|point| point.nan).map(|point| (point.at as f64, low)).collect();
    let dots = |style: Color| Dataset::default().marker(Marker::Braille).style(Style::new().fg(style));
    let mut sets: Vec<Dataset> = pieces
        .iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| dots(Color::Cyan).graph_type(GraphType::Line).data(piece))
        .collect();
    sets.push(dots(colours.of(NAN)).marker(Marker::Block).graph_type(GraphType::Scatter).data(&nan));
    let axis = |bounds: [f64; 2]| Axis::default().bounds(bounds).style(Style::new().fg(Color::DarkGray));
    let chart = Chart::new(sets)
        .x_axis(axis([0.0, last as f64]).labels(["0".to_owned(), format!("[{last}]")]))
        .y_axis(axis([low, high]).labels([units::number(low), units::number(high)]));
    frame.render_widget(chart, area);
}
