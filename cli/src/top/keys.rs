//! What keys do, and how the screen says so.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Stylize;
use ratatui::widgets::{Row, Table};

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Quit,
    Back,
    Help,
    /// Shows the selected tag from inside, or the list alone.
    Toggle,
    /// Selects another tag.
    Tag(isize),
    /// Goes up or down: in a table if there is one to scroll, else from tag to tag.
    Lines(isize),
    Pages(isize),
    Columns(isize),
    Sort,
}

impl Action {
    pub fn of(key: KeyEvent) -> Option<Action> {
        Some(match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Action::Quit,
            KeyCode::Char('q') => Action::Quit,
            KeyCode::Esc => Action::Back,
            KeyCode::Char('?') => Action::Help,
            KeyCode::Enter => Action::Toggle,
            KeyCode::Char('k') => Action::Tag(-1),
            KeyCode::Char('j') => Action::Tag(1),
            KeyCode::Up => Action::Lines(-1),
            KeyCode::Down => Action::Lines(1),
            KeyCode::Home => Action::Lines(isize::MIN),
            KeyCode::End => Action::Lines(isize::MAX),
            KeyCode::PageUp => Action::Pages(-1),
            KeyCode::PageDown => Action::Pages(1),
            KeyCode::Left => Action::Columns(-1),
            KeyCode::Right => Action::Columns(1),
            KeyCode::Char('s') => Action::Sort,
            _ => return None,
        })
    }
}

/// All keys, in words that fit into 40 columns.
const HELP: [(&str, &str); 10] = [
    ("up, down", "select a tag; scroll a table"),
    ("PgUp, PgDn", "the same by pages"),
    ("Home, End", "to the first, to the last"),
    ("left, right", "scroll the columns"),
    ("j, k", "select a tag beside a table"),
    ("Enter", "look inside the tag; close"),
    ("Esc", "go back"),
    ("s", "sort by rate, MB/s, memory"),
    ("?", "show all keys"),
    ("q, Ctrl-C", "quit"),
];

/// Draws all keys.
pub fn draw_help(frame: &mut Frame, area: Rect) {
    // A line between it and the title, if there is one to spare.
    let spare = u16::from(usize::from(area.height) > HELP.len());
    let area = Rect { y: area.y + spare, height: area.height - spare, ..area };
    let rows = HELP.iter().map(|&(key, meaning)| Row::new([key.bold(), meaning.into()]));
    frame.render_widget(Table::new(rows, [Constraint::Length(11), Constraint::Min(0)]), area);
}

/// What the last line says: the first of these are left out where there is no room for them.
pub fn hints(open: bool, table: bool, help: bool, width: u16) -> String {
    let hints: &[&str] = match (help, open, table) {
        (true, ..) => &["Esc back", "q quit"],
        (_, true, true) => &["arrows scroll", "Esc back", "? help", "q quit"],
        (_, true, false) => &["up/down select", "Esc back", "? help", "q quit"],
        _ => &["up/down select", "s sort", "Enter look inside", "? help", "q quit"],
    };
    let fits = |from: &usize| hints[*from..].join("   ").len() <= width.into();
    let from = (0..hints.len()).find(fits).unwrap_or(hints.len() - 1);
    hints[from..].join("   ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_q_and_ctrl_c_quit() {
        let of = |code, modifiers| Action::of(KeyEvent::new(code, modifiers));
        assert_eq!(of(KeyCode::Char('q'), KeyModifiers::NONE), Some(Action::Quit));
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(of(KeyCode::Esc, KeyModifiers::NONE), Some(Action::Back));
        assert_eq!(of(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Action::Help));
    }

    #[test]
    fn the_keys_fit_where_there_is_little_room() {
        assert!(HELP.iter().all(|(key, meaning)| key.len() <= 11 && 12 + meaning.len() <= 40));
        assert_eq!(
            hints(false, false, false, 80),
            "up/down select   s sort   Enter look inside   ? help   q quit"
        );
        assert_eq!(hints(false, false, false, 40), "Enter look inside   ? help   q quit");
        assert_eq!(hints(true, true, false, 20), "? help   q quit");
        assert_eq!(hints(true, false, false, 1), "q quit");
    }
}
