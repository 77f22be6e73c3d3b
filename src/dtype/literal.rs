//! Python literals, as numpy writes them in descrs and npy headers: strings, whole numbers, `True`, `False`, `None`,
//! lists, tuples and dicts.

/// The deepest nesting of brackets. A descr of numpy has three levels for each record within a record.
const DEEPEST: usize = 100;

/// The value of a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    None,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Literal>),
    Tuple(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

/// Parses one literal; an error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Literal, String> {
    let mut parser = Parser { rest: text };
    let literal = parser.literal(0)?;
    match parser.peek() {
        None => Ok(literal),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

/// This string as a Python literal.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn skip(&mut self, c: char) {
        self.rest = &self.rest[c.len_utf8()..];
    }

    /// Takes this character, if it comes next.
    fn takes(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.skip(c);
        }
        found
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.rest.chars().next() {
            Some(c) => format!("found {c:?}, expected {expected}"),
            None => format!("found the end, expected {expected}"),
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal, String> {
        if depth > DEEPEST {
            return Err(format!("found brackets nested more than {DEEPEST} deep"));
        }
        match self.peek() {
            Some('[') => Ok(Literal::List(self.items('[', ']', depth)?.0)),
            Some('(') => {
                let (mut items, comma) = self.items('(', ')', depth)?;
                // Without a comma the brackets only group.
                Ok(if items.len() == 1 && !comma { items.remove(0) } else { Literal::Tuple(items) })
            }
            Some('{') => self.dict(depth),
            Some('\'' | '"') => self.string(),
            Some('0'..='9') => self.number(),
            Some('-') => Err("found a negative number".to_owned()),
            Some(c) if c.is_ascii_alphabetic() => self.word(),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// The items between brackets, and whether there is a comma after the last.
    fn items(&mut self, open: char, close: char, depth: usize) -> Result<(Vec<Literal>, bool), String> {
        self.skip(open);
        let mut items = Vec::new();
        let mut comma = false;
        while !self.takes(close) {
            if !items.is_empty() && !comma {
                return Err(self.unexpected("a comma"));
            }
            items.push(self.literal(depth + 1)?);
            comma = self.takes(',');
        }
        Ok((items, comma))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, String> {
        self.skip('{');
        let mut items = Vec::new();
        let mut comma = true;
        while !self.takes('}') {
            if !comma {
                return Err(self.unexpected("a comma"));
            }
            let key = self.literal(depth + 1)?;
            if !self.takes(':') {
                return Err(self.unexpected("a colon"));
            }
            items.push((key, self.literal(depth + 1)?));
            comma = self.takes(',');
        }
        Ok(Literal::Dict(items))
    }

    fn number(&mut self) -> Result<Literal, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        // Python 2 wrote an L after long integers.
        self.rest = rest.strip_prefix(['L', 'l']).unwrap_or(rest);
        digits.parse().map(Literal::Number).map_err(|_| format!("found a number that is too large, {digits}"))
    }

    fn word(&mut self) -> Result<Literal, String> {
        if self.rest.starts_with(['u', 'U']) && self.rest[1..].starts_with(['\'', '"']) {
            self.rest = &self.rest[1..];
            return self.string();
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let literal = match word {
            "None" => Literal::None,
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            _ => return Err(format!("found {word:?}, expected a value")),
        };
        self.rest = rest;
        Ok(literal)
    }

    fn string(&mut self) -> Result<Literal, String> {
        let mut chars = self.rest.chars();
        let quote = chars.next();
        let mut text = String::new();
        loop {
            match chars.next() {
                None => return Err("found a string without an end".to_owned()),
                c if c == quote => break,
                Some('\\') => text.push(escaped(&mut chars)?),
                Some(c) => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(Literal::Text(text))
    }
}

/// The character of an escape.
fn escaped(chars: &mut std::str::Chars<'_>) -> Result<char, String> {
    let digits = match chars.next() {
        Some(c @ ('\\' | '\'' | '"')) => return Ok(c),
        Some('n') => return Ok('\n'),
        Some('r') => return Ok('\r'),
        Some('t') => return Ok('\t'),
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        _ => return Err("found an unknown escape in a string".to_owned()),
    };
    let code = chars.as_str().get(..digits).and_then(|code| u32::from_str_radix(code, 16).ok());
    chars.nth(digits - 1);
    code.and_then(char::from_u32).ok_or_else(|| "found a broken escape in a string".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    #[test]
    fn values() {
        for (code, value) in [
            ("None", Literal::None),
            (" True ", Literal::Bool(true)),
            ("12L", Literal::Number(12)),
            ("'a'", text("a")),
            ("u\"a'\"", text("a'")),
            (r"'\x41\u00e9\U0001f600\'\\\n'", text("Aé😀'\\\n")),
            ("()", Literal::Tuple(vec![])),
            ("(1)", Literal::Number(1)),
            ("(1,)", Literal::Tuple(vec![Literal::Number(1)])),
            ("[1, 2,]", Literal::List(vec![Literal::Number(1), Literal::Number(2)])),
            (
                "{'a': 1, 'b': [],}",
                Literal::Dict(vec![(text("a"), Literal::Number(1)), (text("b"), Literal::List(vec![]))]),
            ),
        ] {
            assert_eq!(parse(code), Ok(value), "{code}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let deep = "(".repeat(5000);
        for code in [
            "",
            "[",
            "[1",
            "[1 2]",
            "[,]",
            "(,)",
            "{1}",
            "{1:}",
            "{1: 2 3: 4}",
            "'a",
            r"'\q'",
            r"'\x4'",
            r"'\xé'",
            r"'\ud800'",
            "True1",
            "none",
            "1 2",
            "-1",
            "99999999999999999999",
            "a.b",
            "1 # one",
            &deep,
        ] {
            assert!(parse(code).is_err(), "{code}");
        }
    }

    #[test]
    fn quoted_strings_are_read_back() {
        for case in ["", "x", "it's", "\"", "'\"", "\\", "a\nb\u{7f}\u{85}", "größe", "😀"] {
            assert_eq!(parse(&quoted(case)), Ok(text(case)), "{case:?}");
        }
    }
}
