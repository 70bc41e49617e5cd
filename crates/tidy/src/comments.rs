//! The comments of a Rust file, which its syntax tree does not have.

/// Every line of every comment, documentation included, with its number.
pub(crate) fn of(text: &str) -> Vec<(usize, String)> {
    let mut scan = Scan { rest: text, line: 1, found: Vec::new() };
    while let Some(first) = scan.rest.chars().next() {
        scan.step(first);
    }
    scan.found
}

struct Scan<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<(usize, String)>,
}

impl<'a> Scan<'a> {
    /// Passes one comment, literal, word or other character.
    fn step(&mut self, first: char) {
        let rest = self.rest;
        if rest.starts_with("//") {
            let comment = self.pass(rest.find('\n').unwrap_or(rest.len()));
            self.found.push((self.line, comment.to_owned()));
        } else if rest.starts_with("/*") {
            let line = self.line;
            let comment = self.pass(block_comment_bytes(rest));
            let lines = comment.lines().enumerate();
            self.found.extend(lines.map(|(down, text)| (line + down, text.to_owned())));
        } else if first == '"' {
            self.pass(string_bytes(rest));
        } else if first == '\'' {
            self.pass(quote_bytes(rest));
        } else if first.is_alphanumeric() || first == '_' {
            self.word();
        } else {
            self.pass(first.len_utf8());
        }
    }

    /// Passes a word, and with it the raw string that it begins, if it does.
    fn word(&mut self) {
        let end = |c: char| !(c.is_alphanumeric() || c == '_');
        let word = self.pass(self.rest.find(end).unwrap_or(self.rest.len()));
        if !matches!(word, "r" | "br" | "cr") {
            return;
        }
        let hashes = self.rest.len() - self.rest.trim_start_matches('#').len();
        if self.rest[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &self.rest[hashes + 1..];
            let bytes = body.find(&close).map_or(body.len(), |at| at + close.len());
            self.pass(hashes + 1 + bytes);
        }
    }

    fn pass(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.line += passed.matches('\n').count();
        passed
    }
}

/// Block comments nest.
fn block_comment_bytes(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        at += 1;
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 1),
            b"*/" => (depth, at) = (depth - 1, at + 1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character's bytes, or of a lifetime only the quote.
fn quote_bytes(text: &str) -> usize {
    let mut after = text.char_indices().skip(1);
    match (after.next(), after.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let body = at + escaped.len_utf8();
            text[body..].find('\'').map_or(text.len(), |close| body + close + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(usize, String)> {
        of(text)
    }

    #[test]
    fn comments_of_every_kind_are_found_with_their_lines() {
        let text = "//! one\nfn f() {} // two\n/* three\n /* four */ five */ fn g() {}\n";
        let found = texts(text);
        let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
        assert!(found[3].1.ends_with("five */"));
    }

    #[test]
    fn strings_characters_and_lifetimes_begin_no_comment() {
        let text = r####"const A: &str = "// no \" /* no"; const B: char = '"'; const C: char = '\'';
fn f<'a>(x: &'a str) -> &'a str { x } // yes
const D: &str = r#"a " // no"#; const E: &[u8] = br"// no \"; // yes
"####;
        let found = texts(text);
        assert_eq!(found, [(2, "// yes".to_owned()), (3, "// yes".to_owned())]);
    }
}
