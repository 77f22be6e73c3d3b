//! The list: its order, and what of it is selected.

use std::collections::BTreeMap;
use std::time::Instant;

use super::row::{Look, Row, Trouble};

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Tag,
    Rate,
    Throughput,
    Memory,
}

impl Order {
    pub fn next(self) -> Order {
        match self {
            Order::Tag => Order::Rate,
            Order::Rate => Order::Throughput,
            Order::Throughput => Order::Memory,
            Order::Memory => Order::Tag,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Order::Tag => "tag",
            Order::Rate => "rate",
            Order::Throughput => "MB/s",
            Order::Memory => "memory",
        }
    }
}

/// The list, and what of it is selected.
#[derive(Debug)]
pub struct Model {
    pub rows: Vec<Row>,
    pub order: Order,
    /// By name, so that it stays on a tag that moves in the list.
    pub selected: Option<String>,
    /// Whether the selected tag is shown from inside.
    pub open: bool,
}

impl Model {
    pub fn new(tag: Option<&str>) -> Model {
        let rows = tag.map(Row::new).into_iter().collect();
        Model { rows, order: Order::Tag, selected: tag.map(str::to_owned), open: tag.is_some() }
    }

    pub fn update(&mut self, looks: Vec<Look>, now: Instant) {
        let mut looks: BTreeMap<String, Look> =
            looks.into_iter().map(|look| (look.tag.clone(), look)).collect();
        for row in &mut self.rows {
            if let Some(look) = looks.remove(&row.tag) {
                row.update(look);
            }
        }
        for look in looks.into_values().filter(|look| look.found != Err(Trouble::Gone)) {
            let mut row = Row::new(&look.tag);
            row.update(look);
            self.rows.push(row);
        }
        let at = self.position();
        let kept = self.selected.clone().filter(|_| self.open);
        self.rows.retain(|row| !row.is_past(now) || kept.as_ref() == Some(&row.tag));
        self.sort();
        if self.position().is_none() {
            let at = at.unwrap_or(0).min(self.rows.len().saturating_sub(1));
            self.selected = self.rows.get(at).map(|row| row.tag.clone());
        }
    }

    fn sort(&mut self) {
        let order = self.order;
        self.rows.sort_by(|a, b| {
            let greatest_first = match order {
                Order::Tag => std::cmp::Ordering::Equal,
                Order::Rate => b.rate().total_cmp(&a.rate()),
                Order::Throughput => b.throughput().total_cmp(&a.throughput()),
                Order::Memory => b.memory().cmp(&a.memory()),
            };
            greatest_first.then_with(|| a.tag.cmp(&b.tag))
        });
    }

    pub fn next_order(&mut self) {
        self.order = self.order.next();
        self.sort();
    }

    /// Where the selected tag is in the list.
    pub fn position(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.rows.iter().position(|row| row.tag == *selected)
    }

    pub fn selected(&self) -> Option<&Row> {
        self.rows.get(self.position()?)
    }

    /// Moves the selection up or down, not beyond the ends.
    pub fn select(&mut self, by: isize) {
        let at =
            self.position().unwrap_or(0).saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(at).map(|row| row.tag.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::row::tests::{look, state};
    use super::*;

    fn names(model: &Model) -> Vec<&str> {
        model.rows.iter().map(|row| &row.tag[..]).collect()
    }

    fn of(tags: &[(&str, u64)], at: Instant) -> Vec<Look> {
        let found = |memory| Ok(super::super::row::State { memory, ..state(1) });
        tags.iter().map(|&(tag, memory)| look(tag, at, found(memory))).collect()
    }

    #[test]
    fn the_selection_stays_on_its_tag() {
        let now = Instant::now();
        let mut model = Model::new(None);
        model.update(of(&[("b", 9), ("a", 5), ("c", 7)], now), now);
        assert_eq!((names(&model), model.position()), (vec!["a", "b", "c"], Some(0)));
        model.select(1);
        model.select(-5);
        model.select(2);
        assert_eq!(model.selected().unwrap().tag, "c");
        for _ in 0..3 {
            model.next_order();
        }
        assert_eq!(
            (model.order, names(&model), model.position()),
            (Order::Memory, vec!["b", "c", "a"], Some(1))
        );
        model.update(of(&[("d", 8)], now), now);
        assert_eq!((names(&model), model.position()), (vec!["b", "d", "c", "a"], Some(2)));
        model.next_order();
        assert_eq!(names(&model), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_tag_that_is_gone_leaves_the_list_unless_it_is_looked_into() {
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        let mut model = Model::new(Some("b"));
        model.update(of(&[("a", 1), ("b", 1), ("c", 1)], now), now);
        let gone = |tag| look(tag, now, Err(Trouble::Gone));
        model.update(vec![gone("a"), gone("b"), gone("never seen")], now);
        assert_eq!(names(&model), ["a", "b", "c"]);
        model.update(vec![gone("a"), gone("b")], later);
        assert_eq!((names(&model), model.open), (vec!["b", "c"], true));
        model.open = false;
        model.update(vec![gone("b")], later);
        assert_eq!((names(&model), model.position()), (vec!["c"], Some(0)));
        model.update(vec![gone("c")], now);
        model.update(vec![gone("c")], later);
        assert_eq!((model.position(), model.selected().is_none()), (None, true));
        model.select(1);
        assert!(model.selected.is_none());
    }
}
