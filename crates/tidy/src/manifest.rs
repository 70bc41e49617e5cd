//! A manifest is TOML in which every value still knows its line.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::Finding;

/// A value of a manifest, with the line of its key.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Counted from one.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a rule tells apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(String),
    Truth(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
    Date(String),
}

impl PartialEq for Node {
    /// Two nodes are the same if they say the same, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// Reads a whole file.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Finding> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { line: 1, value: of_table(table.get_ref(), text) }),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                Err(Finding::new(file, line, error.message(), "write TOML that parses"))
            }
        }
    }

    /// What stands for a file that could not be read.
    pub(crate) fn empty() -> Self {
        Self { line: 1, value: Value::Table(BTreeMap::new()) }
    }

    /// The node at the end of these keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.entries()?.get(*key))
    }

    /// The string there.
    pub(crate) fn text_at(&self, keys: &[&str]) -> Option<&str> {
        self.at(keys)?.text()
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(crate) fn truth(&self) -> Option<bool> {
        if let Value::Truth(truth) = self.value { Some(truth) } else { None }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    pub(crate) fn entries(&self) -> Option<&BTreeMap<String, Self>> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }
}

fn of_table(table: &DeTable<'_>, text: &str) -> Value {
    let node = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let line = line_at(text, key.span().start);
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        (key.to_string(), Node { line, value: of_value(value.get_ref(), text) })
    };
    Value::Table(table.iter().map(node).collect())
}

fn of_value(value: &DeValue<'_>, text: &str) -> Value {
    match value {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Table(table) => of_table(table, text),
        DeValue::Array(list) => Value::List(
            list.iter()
                .map(|item| Node {
                    line: line_at(text, item.span().start),
                    value: of_value(item.get_ref(), text),
                })
                .collect(),
        ),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "[package]\nname = \"levada-pile\"\n\n[package.metadata.levada]\nfloor = 3\n";
        let node = Node::parse("Cargo.toml", text).unwrap();
        assert_eq!(node.text_at(&["package", "name"]), Some("levada-pile"));
        let floor = node.at(&["package", "metadata", "levada", "floor"]).unwrap();
        assert_eq!((floor.line, &floor.value), (5, &Value::Number("3".to_owned())));
        assert_eq!(node.at(&["package", "metadata", "levada"]).unwrap().line, 4);
    }

    #[test]
    fn what_is_no_toml_is_found_where_it_breaks() {
        let finding = Node::parse("Cargo.toml", "[package]\nname levada\n").unwrap_err();
        assert_eq!((finding.file.as_str(), finding.line), ("Cargo.toml", 2));
    }
}
