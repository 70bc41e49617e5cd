//! Markdown as rules need it: what is code, what is prose, and which lines belong together.

/// A block of code between fences.
#[derive(Debug)]
pub(crate) struct Fence {
    pub(crate) line: usize,
    /// What stands behind the opening fence.
    pub(crate) info: String,
    pub(crate) lines: Vec<(usize, String)>,
}

/// A heading.
#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) line: usize,
    pub(crate) level: usize,
    pub(crate) title: String,
}

/// The blocks of code, and the lines outside them.
fn split(text: &str) -> (Vec<Fence>, Vec<(usize, &str)>) {
    let (mut fences, mut prose) = (Vec::new(), Vec::new());
    let mut open: Option<(&str, Fence)> = None;
    for (line, text) in (1..).zip(text.lines()) {
        let trimmed = text.trim_start();
        let marks = if trimmed.starts_with('~') { '~' } else { '`' };
        let mark_bytes = trimmed.len() - trimmed.trim_start_matches(marks).len();
        let (mark, info) = trimmed.split_at(mark_bytes);
        match &mut open {
            None if mark.len() >= 3 && !info.contains('`') => {
                let fence = Fence { line, info: info.trim().to_owned(), lines: Vec::new() };
                open = Some((mark, fence));
            }
            None => prose.push((line, text)),
            Some((opening, _)) if mark.starts_with(*opening) && info.trim().is_empty() => {
                fences.extend(open.take().map(|(_, fence)| fence));
            }
            Some((_, fence)) => fence.lines.push((line, text.to_owned())),
        }
    }
    fences.extend(open.map(|(_, fence)| fence));
    (fences, prose)
}

/// The blocks of code.
pub(crate) fn fences(text: &str) -> Vec<Fence> {
    split(text).0
}

/// The lines outside blocks of code, and each with its code spans taken out.
pub(crate) fn prose(text: &str) -> Vec<(usize, String)> {
    split(text).1.into_iter().map(|(line, text)| (line, spans_of(text).0)).collect()
}

/// The code spans outside blocks of code.
pub(crate) fn spans(text: &str) -> Vec<(usize, String)> {
    let spans = |(line, text)| spans_of(text).1.into_iter().map(move |span| (line, span));
    split(text).1.into_iter().flat_map(spans).collect()
}

/// A line without its code spans, and those.
fn spans_of(line: &str) -> (String, Vec<String>) {
    let (mut outside, mut spans) = (String::new(), Vec::new());
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (mark, body) = rest[start..].split_at(ticks);
        let Some(end) = body.find(mark) else { break };
        outside.push_str(&rest[..start]);
        spans.push(body[..end].trim().to_owned());
        rest = &body[end + ticks..];
    }
    outside.push_str(rest);
    (outside, spans)
}

/// What a reader takes as one: a paragraph, an item of a list or a row of a table, joined to one line.
pub(crate) fn units(text: &str) -> Vec<(usize, String)> {
    let mut units: Vec<(usize, String)> = Vec::new();
    let mut joins = false;
    for (line, text) in split(text).1 {
        let text = text.trim();
        let begins = text.starts_with(['-', '*', '|', '#', '+'])
            || text.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match units.last_mut() {
            _ if text.is_empty() => joins = false,
            Some((_, unit)) if joins && !begins => {
                unit.push(' ');
                unit.push_str(text);
            }
            _ => {
                units.push((line, text.to_owned()));
                joins = !text.starts_with(['|', '#']);
            }
        }
    }
    units
}

/// The headings with marks in front.
pub(crate) fn headings(text: &str) -> Vec<Heading> {
    let heading = |(line, text): (usize, &str)| {
        let title = text.trim_start_matches('#');
        let level = text.len() - title.len();
        let title = title.strip_prefix(' ')?.trim().to_owned();
        (level > 0).then_some(Heading { line, level, title })
    };
    split(text).1.into_iter().filter_map(heading).collect()
}

/// The anchors that a document offers, as the usual viewers make them from its headings.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for heading in headings(text) {
        let kept = heading.title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String =
            kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
        let before = anchors.iter().filter(|other| **other == anchor).count();
        anchors.push(if before == 0 { anchor } else { format!("{anchor}-{before}") });
    }
    anchors
}

/// Where the links and pictures of a document lead.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (line, text) in prose(text) {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            links.extend(rest[..end].split_whitespace().next().map(|link| (line, link.to_owned())));
            rest = &rest[end..];
        }
        if let Some((_, link)) =
            text.trim().strip_prefix('[').and_then(|text| text.split_once("]: "))
        {
            links.extend(link.split_whitespace().next().map(|link| (line, link.to_owned())));
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# One, two

See [a](b.md#c) and `[no](no.md)`.

```sh
cargo test # [no](no.md)
```

- an item
  of two lines
- `x` another

## One, two

[ref]: docs/x.md
";

    #[test]
    fn links_in_code_are_no_links() {
        let found = links(SAMPLE);
        assert_eq!(found, [(3, "b.md#c".to_owned()), (15, "docs/x.md".to_owned())]);
    }

    #[test]
    fn code_is_found_in_fences_and_spans() {
        let fences = fences(SAMPLE);
        assert_eq!((fences[0].line, fences[0].info.as_str()), (5, "sh"));
        assert_eq!(fences[0].lines, [(6, "cargo test # [no](no.md)".to_owned())]);
        assert_eq!(spans(SAMPLE), [(3, "[no](no.md)".to_owned()), (11, "x".to_owned())]);
    }

    #[test]
    fn an_item_is_one_whatever_its_lines() {
        let units = units(SAMPLE);
        assert!(units.contains(&(9, "- an item of two lines".to_owned())));
        assert!(units.contains(&(11, "- `x` another".to_owned())));
    }

    #[test]
    fn equal_headings_have_different_anchors() {
        assert_eq!(anchors(SAMPLE), ["one-two", "one-two-1"]);
    }
}
