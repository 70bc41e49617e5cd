//! A site is a folder with the names that lead to it and what its replies say besides.

use core::fmt;

use globset::{GlobBuilder, GlobMatcher};
use levada_domain::Folder;
use levada_http::{ExtraField, Host, HostMalformed, PathRules};

/// One site.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Site {
    /// Its names; none for a site that is the default only.
    pub hosts: Vec<HostName>,
    /// What is served.
    pub root: Folder,
    /// What stands for a folder, the first that is there.
    pub index: Vec<String>,
    /// Whether a folder without any of these is listed.
    pub lists: bool,
    /// What is sent, with 404, when nothing is there: a path in the folder.
    pub not_found: Option<String>,
    /// What is sent, with 200, when nothing is there: a path in the folder, for pages that find their way themselves.
    pub fallback: Option<String>,
    /// Whether compressed neighbours of a file are sent in its place.
    pub serves_neighbours: bool,
    /// What of a path is never served.
    pub paths: PathRules,
    /// Whether entity tags are made from the content of files that are cached, not from their length and time.
    pub tags_content: bool,
    /// What every reply of the site says besides, errors among them.
    pub always: Vec<ExtraField>,
    /// What replies say besides, by path; not errors.
    pub fields: Vec<FieldRule>,
    /// What is said besides to a browser that asks whether it may ask (CORS).
    pub preflight: Vec<ExtraField>,
}

/// A name of a site.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostName(String);

/// Fields that are added to the replies of certain paths.
#[derive(Clone, Debug)]
pub struct FieldRule {
    paths: GlobMatcher,
    fields: Vec<ExtraField>,
}

/// A pattern of paths that cannot be understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GlobMalformed {
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for GlobMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for GlobMalformed {}

impl HostName {
    /// A name as it stands in a request, with or without a port, which is not looked at.
    ///
    /// # Errors
    /// [`HostMalformed`] if it is no name of a host.
    pub fn new(name: &str) -> Result<Self, HostMalformed> {
        let mut key = String::new();
        Host::parse(name.as_bytes())?.copy_key_into(&mut key);
        Ok(Self(key))
    }

    /// Whether a request for `host` means this.
    pub(crate) fn answers_to(&self, host: &Host<'_>) -> bool {
        Host::parse(self.0.as_bytes()).is_ok_and(|own| own.has_name_of(host))
    }
}

impl FieldRule {
    /// Adds `fields` to replies about paths that `pattern` covers: `*.css` in whatever folder, `assets/*` in this one,
    /// `assets/**` below it. Paths have no slash in front; a star does not stand for one.
    ///
    /// # Errors
    /// [`GlobMalformed`] if the pattern is none.
    pub fn new(pattern: &str, fields: Vec<ExtraField>) -> Result<Self, GlobMalformed> {
        let anywhere = if pattern.contains('/') { "" } else { "**/" };
        let glob = GlobBuilder::new(&format!("{anywhere}{pattern}"))
            .literal_separator(true)
            .build()
            .map_err(|error| GlobMalformed { reason: error.to_string() })?;
        Ok(Self { paths: glob.compile_matcher(), fields })
    }
}

impl Site {
    /// The folder, with index.html standing for folders, neighbours served and nothing else special.
    #[must_use]
    pub fn new(root: Folder) -> Self {
        Self {
            hosts: Vec::new(),
            root,
            index: vec!["index.html".to_owned()],
            lists: false,
            not_found: None,
            fallback: None,
            serves_neighbours: true,
            paths: PathRules::default(),
            tags_content: false,
            always: Vec::new(),
            fields: Vec::new(),
            preflight: Vec::new(),
        }
    }

    /// What replies about `relative` say besides. Of rules that name the same field the last one counts.
    pub(crate) fn fields_of(&self, relative: &[u8]) -> Vec<ExtraField> {
        let mut fields = self.always.clone();
        let Ok(path) = core::str::from_utf8(relative) else { return fields };
        for rule in self.fields.iter().filter(|rule| rule.paths.is_match(path)) {
            for field in &rule.fields {
                fields.retain(|known| !known.name().eq_ignore_ascii_case(field.name()));
                fields.push(field.clone());
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_covers_a_path_says_what_a_field_is() {
        let rule = |pattern: &str, value: &str| {
            let field = ExtraField::new("Cache-Control", value).expect("a good field");
            FieldRule::new(pattern, vec![field]).expect("a good pattern")
        };
        let mut site = Site::new(Folder::open(std::path::Path::new("/")).unwrap());
        site.fields = vec![rule("**", "no-cache"), rule("assets/**", "immutable")];
        let said = |path: &[u8]| -> Vec<String> {
            site.fields_of(path)
                .iter()
                .map(|field| String::from_utf8_lossy(field.value().as_bytes()).into_owned())
                .collect()
        };
        assert!(said(b"index.html")[0].contains("no-cache") && said(b"index.html").len() == 1);
        assert!(
            said(b"assets/a/b.css")[0].contains("immutable") && said(b"assets/a/b.css").len() == 1
        );
        assert!(FieldRule::new("a[", Vec::new()).is_err());
        let covers = |pattern: &str, path: &str| {
            FieldRule::new(pattern, Vec::new()).unwrap().paths.is_match(path)
        };
        assert!(covers("*.css", "a.css") && covers("*.css", "deep/down/a.css"));
        assert!(covers("assets/*.js", "assets/a.js") && !covers("assets/*.js", "assets/b/a.js"));
        assert!(covers("assets/**", "assets/b/a.js") && covers("**", "a"));
    }

    #[test]
    fn a_host_is_known_by_its_name_whatever_its_case_and_port() {
        let name = HostName::new("Example.org").unwrap();
        for host in ["example.org", "EXAMPLE.ORG:8080", "example.org."] {
            assert!(name.answers_to(&Host::parse(host.as_bytes()).unwrap()), "{host}");
        }
        assert!(!name.answers_to(&Host::parse(b"example.com").unwrap()));
        assert!(HostName::new("a b").is_err());
    }
}
