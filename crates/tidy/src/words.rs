//! A word has one meaning: what a name says in one crate it says in all.

use crate::finding::Finding;
use crate::source::NameKind;
use crate::workspace::Workspace;

/// Names that say nothing; for crates, files, modules, types, functions and constants.
const EMPTY: [&str; 9] =
    ["util", "utils", "common", "misc", "helper", "helpers", "manager", "managers", "utilities"];
/// Words of some crates only, alone or in many.
const KEPT: [(&str, &str, &[&str]); 3] = [
    ("segment", "segments", &["pile"]),
    ("record", "records", &["pile", "cache"]),
    ("object", "objects", &["local"]),
];
/// Names of quantities that lack the half that matters.
const BARE: [(&str, &str); 3] = [
    ("size", "say of what and in what: `index`, `record_count`, `window_bytes`"),
    ("timeout", "say for what and in what unit: `expiry_ms`"),
    ("interval", "say between what and in what unit: `revalidate_ms`"),
];

/// Defined names use the house's words as the house means them.
#[must_use]
pub fn words_keep_their_meaning(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        findings.extend(
            fault_in(&package.folder, NameKind::Module, &package.folder)
                .map(|(fault, cure)| Finding::new(&package.file, 1, fault, cure)),
        );
    }
    for (file, source) in &workspace.sources {
        let Some((folder, _)) =
            file.strip_prefix("crates/").and_then(|inside| inside.split_once('/'))
        else {
            continue;
        };
        for name in &source.names {
            let fault = fault_in(&name.name, name.kind, folder);
            findings.extend(fault.map(|(fault, cure)| Finding::new(file, name.line, fault, cure)));
        }
    }
    findings
}

/// What is wrong with a name in a crate, and what to do.
fn fault_in(name: &str, kind: NameKind, folder: &str) -> Option<(String, String)> {
    let words = words_of(name);
    let has = |word: &str| words.iter().any(|other| other == word);
    let names_a_place = !matches!(kind, NameKind::Field | NameKind::Variant | NameKind::Binding);
    if let Some(word) = EMPTY.iter().find(|word| names_a_place && has(word)) {
        return Some((
            format!("`{name}` has the word {word}, which says nothing"),
            "name what it does".to_owned(),
        ));
    }
    for (one, many, folders) in KEPT {
        if (has(one) || has(many)) && !folders.contains(&folder) {
            let fault = format!(
                "`{name}` has the word {one}, which means something in {} only",
                folders.join(" and ")
            );
            return Some((fault, "take another word".to_owned()));
        }
    }
    if matches!(kind, NameKind::Variant | NameKind::Type | NameKind::Module) {
        return None; // a state, a kind or a place is no quantity, so it lacks no unit
    }
    let (_, cure) = BARE.iter().find(|(bare, _)| words == [*bare])?;
    Some((format!("`{name}` is only half a name"), (*cure).to_owned()))
}

/// A name's words in small letters, however it is written.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.trim_start_matches("r#").chars() {
        let begins =
            letter == '_' || letter == '-' || letter.is_uppercase() && before.is_lowercase();
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && letter.is_alphanumeric()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &str, text: &str) -> Vec<usize> {
        let (manifest, file) =
            (format!("crates/{folder}/Cargo.toml"), format!("crates/{folder}/src/lib.rs"));
        let workspace = Workspace::of(&[(&manifest, ""), (&file, text)]);
        words_keep_their_meaning(&workspace).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_word_that_says_nothing_is_found_in_what_names_a_place() {
        let text = "mod util;\nstruct CacheManager;\nfn helper() {}\nenum Log { Common }\nstruct A { misc: u8 }\n";
        assert_eq!(lines("web", text), [1, 2, 3]);
    }

    #[test]
    fn a_word_of_one_crate_is_found_in_another() {
        let text = "struct SegmentList;\nfn f(record_count: u64) {}\nstatic OBJECTS: u8 = 1;\n";
        assert_eq!(lines("web", text), [1, 2, 3]);
        assert_eq!(lines("pile", text), [3]);
        assert_eq!(lines("cache", text), [1, 3]);
        assert_eq!(lines("local", text), [1, 2]);
    }

    #[test]
    fn half_a_name_is_found_and_a_whole_one_is_not() {
        let text = "struct A { size: u8 }\nfn timeout() {}\nfn f(interval: u8) {}\nconst SIZE: u8 = 1;\nfn g(resize: u8, size_bytes: u8) { let size = 1; }\nenum E { Size, Timeout }\n";
        assert_eq!(lines("web", text), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_name_is_not_defined_where_it_is_used() {
        let text = "use a::object;\nimpl B for C { fn record(&self) { self.segment.size(); D::Object; } }\n// util\nfn f(E { size, .. }: E) {}\n";
        assert_eq!(lines("web", text), [0; 0]);
    }

    #[test]
    fn a_name_is_split_however_it_is_written() {
        assert_eq!(words_of("HTTPServer_max2-bytes"), ["httpserver", "max2", "bytes"]);
        assert_eq!(words_of("SegmentList"), ["segment", "list"]);
    }
}
