//! The file is TOML text; whatever is wrong with it is told with its line and its key.

use core::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;
use crate::settings::Settings;

/// Where settings came from: a file, or nothing but flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    file: Option<File>,
}

#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    text: String,
}

/// A step on the way to a value in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Name(&'static str),
    /// Counted from zero; shown from one.
    Index(usize),
}

impl Source {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// That it cannot be read, or what in it cannot be understood.
    pub(crate) fn read(path: &Path) -> Result<(Self, Settings), Fault> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::told("--config", format!("cannot read `{shown}`: {error}; name another file"))
        })?;
        let settings = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(1, |span| line_of(&text, &span));
            let key = error.span().and_then(|span| key_at(&text, span.start));
            let key = key.map(|key| format!("{key}: ")).unwrap_or_default();
            let what = error.message().lines().collect::<Vec<_>>().join(" ");
            Fault::told(format!("{shown}:{at}"), format!("{key}{what}"))
        })?;
        Ok((Self { file: Some(File { path: path.to_owned(), text }) }, settings))
    }

    /// The folder that relative paths in the file begin at.
    pub(crate) fn folder(&self) -> &Path {
        self.file.as_ref().and_then(|file| file.path.parent()).unwrap_or(Path::new(""))
    }

    /// Something is wrong with what stands at `keys`, or, where the file says nothing of it, with what `flag` says.
    pub(crate) fn fault(&self, keys: &[Key], flag: &str, what: impl Into<String>) -> Fault {
        let found = self.file.as_ref().and_then(|file| {
            let at = line_of(&file.text, &file.find(keys)?);
            Some(format!("{}:{at}: {}", file.path.display(), spell(keys)))
        });
        Fault::told(found.unwrap_or_else(|| flag.to_owned()), what)
    }
}

impl File {
    fn find(&self, keys: &[Key]) -> Option<Range<usize>> {
        let table = DeTable::parse(&self.text).ok()?;
        let span = table.span();
        let mut value = Spanned::new(span, DeValue::Table(table.into_inner()));
        for key in keys {
            value = match (key, value.into_inner()) {
                (Key::Name(name), DeValue::Table(mut table)) => table.remove(*name)?,
                (Key::Index(index), DeValue::Array(array)) => array.into_iter().nth(*index)?,
                _ => return None,
            };
        }
        Some(value.span())
    }
}

/// The keys as people write them: `site[1].root`.
fn spell(keys: &[Key]) -> String {
    let mut text = String::new();
    for key in keys {
        match key {
            Key::Name(name) if text.is_empty() => text.push_str(name),
            Key::Name(name) => text.extend([".", name]),
            Key::Index(index) => text.push_str(&format!("[{}]", index + 1)),
        }
    }
    text
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
}

/// The key whose value stands at `at`, if it stands on a line with its key.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let begin = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(begin..)?.lines().next()?;
    let (key, _) = line.split_once('=')?;
    // The key itself is what is wrong when it is what is pointed at, and then it is named already.
    (begin + key.len() < at).then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("levada.toml");
        std::fs::write(&path, text).unwrap();
        let fault = Source::read(&path).map(|_| ()).unwrap_err().to_string();
        fault.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn what_cannot_be_read_is_told_with_line_and_key() {
        for (text, told) in [
            ("io = 'auto'\nmemory = 'much'\n", "levada.toml:2: memory: `much` is no size"),
            ("\n[limits]\nheader = 10\n", "levada.toml:3: header: `10` is no time"),
            (
                "[limits]\nheeder = '10s'\n",
                "levada.toml:2: unknown field `heeder`, expected one of",
            ),
            ("io = 'ring'\n", "levada.toml:1: io: unknown variant `ring`, expected one of"),
            ("listen = ['8080']\n", "levada.toml:1: listen: `8080` is no address"),
            ("listen = 5\n", "levada.toml:1: listen: invalid type: integer `5`"),
            ("a\n", "levada.toml:1: "),
            ("[[site]]\nroot = 1\n", "levada.toml:2: root: invalid type: integer `1`"),
            (
                "[cache]\nfront = '64MiB'\n",
                "levada.toml:2: front: `64MiB` is no number of entries: write it like 10000",
            ),
            ("cores = -1\n", "levada.toml:1: cores: invalid value: integer `-1`"),
        ] {
            let fault = fault_of(text);
            assert!(fault.starts_with(told), "{text}: {fault}");
            assert_eq!(fault.lines().count(), 1, "{fault}");
        }
    }

    #[test]
    fn a_value_is_found_again_for_what_is_wrong_with_it_later() {
        let text = "cores = 1\n[[site]]\nroot = 'a'\n\n[[site]]\nhosts = ['b']\nroot = 'c'\n";
        let source = Source { file: Some(File { path: "l.toml".into(), text: text.to_owned() }) };
        let root = [Key::Name("site"), Key::Index(1), Key::Name("root")];
        let fault = source.fault(&root, "DIR", "is not there").to_string();
        assert_eq!(fault, "l.toml:7: site[2].root: is not there");
        let fault = source.fault(&[Key::Name("memory")], "--memory", "too small").to_string();
        assert_eq!(fault, "--memory: too small");
    }
}
