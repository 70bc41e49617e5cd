//! Attributes as the rules ask about them: lint levels, documentation, and what is compiled for tests only.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Item, Lit, Meta, MetaList, Token};

use crate::source::LintLevel;

const LINT_LEVELS: [&str; 5] = ["forbid", "deny", "warn", "expect", "allow"];

/// The levels of lints that an attribute sets, `cfg_attr` looked into.
pub(crate) fn lint_levels(attribute: &Attribute, for_file: bool, test: bool) -> Vec<LintLevel> {
    let level = LintLevel {
        line: line_of(attribute.span()),
        level: String::new(),
        lints: Vec::new(),
        reason: false,
        for_file,
        always: true,
        test,
    };
    let mut found = Vec::new();
    find_levels(&attribute.meta, &level, &mut found);
    found
}

fn find_levels(meta: &Meta, like: &LintLevel, found: &mut Vec<LintLevel>) {
    let Meta::List(list) = meta else { return };
    let Some(level) = list.path.get_ident().map(ToString::to_string) else { return };
    let inner = inner_of(list);
    if level == "cfg_attr" {
        let like = LintLevel { always: false, ..like.clone() };
        inner.iter().skip(1).for_each(|meta| find_levels(meta, &like, found));
    } else if LINT_LEVELS.contains(&level.as_str()) {
        let lints = inner.iter().filter(|meta| matches!(meta, Meta::Path(_)));
        let lints = lints.map(|meta| path_of(meta.path()).join("::")).collect();
        let reason = inner.iter().any(|meta| meta.path().is_ident("reason"));
        found.push(LintLevel { level, lints, reason, ..like.clone() });
    }
}

/// The lines of a documentation attribute or comment.
pub(crate) fn documentation(attribute: &Attribute) -> Vec<(usize, String)> {
    let Meta::NameValue(pair) = &attribute.meta else { return Vec::new() };
    let text = if pair.path.is_ident("doc") { string_of(&pair.value) } else { None };
    let lines = text.iter().flat_map(|text| text.split('\n'));
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned());
    (line_of(attribute.span())..).zip(lines).collect()
}

/// What stands in an attribute's brackets; nothing if it is in a language of its own.
fn inner_of(list: &MetaList) -> Vec<Meta> {
    let inner = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    inner.map(|inner| inner.into_iter().collect()).unwrap_or_default()
}

pub(crate) fn line_of(span: Span) -> usize {
    span.start().line
}

pub(crate) fn path_of(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|part| part.ident.to_string()).collect()
}

fn string_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// What an attribute's brackets say: names, and values where they are strings.
pub(crate) fn says(attribute: &Attribute) -> Vec<(String, Option<String>)> {
    let Meta::List(list) = &attribute.meta else { return Vec::new() };
    let say = |meta: &Meta| {
        let value = match meta {
            Meta::NameValue(pair) => string_of(&pair.value),
            _ => None,
        };
        (path_of(meta.path()).pop().unwrap_or_default(), value)
    };
    inner_of(list).iter().map(say).collect()
}

pub(crate) fn is_proc_macro(attributes: &[Attribute]) -> bool {
    let named = |name: &str| attributes.iter().any(|attribute| attribute.path().is_ident(name));
    named("proc_macro") || named("proc_macro_derive") || named("proc_macro_attribute")
}

/// `#[test]`, or a `cfg` that holds under `test` only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta))
    })
}

fn needs_test(meta: &Meta) -> bool {
    match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => inner_of(list).iter().any(needs_test),
        _ => false,
    }
}

pub(crate) fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<LintLevel> {
        let file: syn::File = syn::parse_str(text).unwrap();
        file.attrs.iter().flat_map(|attribute| lint_levels(attribute, true, false)).collect()
    }

    #[test]
    fn a_lint_level_under_a_condition_is_known_as_such() {
        let lints = levels(
            "#![forbid(unsafe_code)]\n#![cfg_attr(loom, expect(unsafe_code, clippy::exit, reason = \"x\"))]\n",
        );
        assert!(lints[0].always && !lints[0].reason && lints[0].level == "forbid");
        assert!(!lints[1].always && lints[1].reason && lints[1].level == "expect");
        assert_eq!(lints[1].lints, ["unsafe_code", "clippy::exit"]);
        assert_eq!((lints[0].line, lints[1].line), (1, 2));
    }

    #[test]
    fn documentation_keeps_its_lines_however_it_is_written() {
        let file: syn::File = syn::parse_str("//! one\n/*! two\n three */\n").unwrap();
        let docs: Vec<_> = file.attrs.iter().flat_map(documentation).collect();
        let lines: Vec<_> = docs.iter().map(|(line, text)| (*line, text.trim())).collect();
        assert_eq!(lines, [(1, "one"), (2, "two"), (3, "three")]);
    }
}
