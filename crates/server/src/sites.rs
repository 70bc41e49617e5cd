//! Sites are made of their settings: folders are opened, patterns and fields read. What cannot be is told with its place.

use std::path::Path;

use levada_domain::Folder;
use levada_http::{ExtraField, PathRules};
use levada_web::{FieldRule, HostName, Site, WebConfig};

use crate::fault::Fault;
use crate::memory::Memory;
use crate::settings::file::{Key, Source};
use crate::settings::read::Settled;
use crate::settings::{LogForm, SiteSettings, TagSource};

/// What browsers are told where `security_headers` is on.
const SECURITY_FIELDS: [(&str, &str); 3] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
];

/// What a browser that asks whether it may ask is told besides the origin.
const PREFLIGHT_FIELDS: [(&str, &str); 3] = [
    ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "86400"),
];

/// How much of memory and connections each core gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub(crate) cores: usize,
    pub(crate) memory: Memory,
    pub(crate) connections: usize,
    /// How many connections of a core may have a descriptor beside their place in a ring's table.
    pub(crate) descriptors_beside: u32,
}

/// What the web service is told; nothing where there is none.
///
/// # Errors
/// A folder that cannot be opened, a host, a pattern or a field that is none.
pub(crate) fn web_config(settled: &Settled, shares: Shares) -> Result<Option<WebConfig>, Fault> {
    let Settled { settings, source } = settled;
    if settings.site.is_empty() {
        return Ok(None);
    }
    let mut sites = Vec::new();
    for (number, site) in settings.site.iter().enumerate() {
        sites.push(SiteMaking { source, number, site }.make()?);
    }
    let mut config = WebConfig::new(sites.remove(0));
    config.sites.append(&mut sites);
    let limits = &settings.limits;
    config.limits.head.target_bytes_max = to_usize(limits.uri.0);
    config.limits.head.head_bytes_max = to_usize(limits.head.0);
    config.limits.head.field_count_max = limits.fields;
    config.limits.body.payload_bytes_max = limits.body.0;
    config.limits.header = limits.header.0;
    config.limits.idle = limits.idle.0;
    config.limits.connections_max = shares.connections.div_ceil(shares.cores);
    let cache = &settings.cache;
    let heap_bytes = shares.memory.heap_bytes;
    config.cache.file_bytes_max = cache.max_file.0.min(heap_bytes / 4);
    config.cache.revalidate = cache.revalidate.0;
    config.cache.back_bytes_max = cache.back.map_or(heap_bytes, |back| back.0.min(heap_bytes));
    config.cache.hot_bytes_max = shares.memory.hot_bytes(settled)?;
    config.cache.entries_max = shares.memory.entries;
    config.cache.front_entries_max = shares.memory.front_entries;
    config.is_logged = settings.log != LogForm::Off;
    Ok(Some(config))
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// A site while it is made, with its place in the file.
struct SiteMaking<'a> {
    source: &'a Source,
    number: usize,
    site: &'a SiteSettings,
}

impl SiteMaking<'_> {
    fn make(&self) -> Result<Site, Fault> {
        let settings = self.site;
        let mut site = Site::new(self.root(&settings.root)?);
        for host in &settings.hosts {
            if host.contains('*') {
                let what = format!(
                    "`{host}` stands for many names: write each; the first site gets all others"
                );
                return Err(self.fault("hosts", what));
            }
            let name = HostName::new(host);
            let what = |_| self.fault("hosts", format!("`{host}` is no name of a host"));
            site.hosts.push(name.map_err(what)?);
        }
        for index in &settings.index {
            self.page("index", Some(index))?;
        }
        site.index.clone_from(&settings.index);
        site.lists = settings.listing;
        site.not_found = self.page("not_found", settings.not_found.as_deref())?;
        site.fallback = self.page("fallback", settings.fallback.as_deref())?;
        site.serves_neighbours = settings.precompressed;
        site.paths = PathRules { serves_dotfiles: settings.dotfiles };
        site.tags_content = settings.etag == TagSource::Content;
        self.add_fields(&mut site)?;
        Ok(site)
    }

    fn root(&self, root: &Path) -> Result<Folder, Fault> {
        Folder::open(root).map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => "there is none; make it or name another".to_owned(),
                std::io::ErrorKind::NotADirectory => "that is no folder; name one".to_owned(),
                std::io::ErrorKind::PermissionDenied => {
                    "this user may not read it; change its mode or name another".to_owned()
                }
                _ => error.to_string(),
            };
            self.fault("root", format!("cannot serve `{}`: {reason}", root.display()))
        })
    }

    /// A path inside of the site.
    fn page(&self, key: &'static str, path: Option<&str>) -> Result<Option<String>, Fault> {
        let Some(path) = path else { return Ok(None) };
        let inside = path.strip_prefix('/').unwrap_or(path);
        let is_plain = inside.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !is_plain || inside.contains('\0') {
            return Err(self.fault(key, format!("`{path}` is no path inside of the site's folder")));
        }
        Ok(Some(inside.to_owned()))
    }

    fn add_fields(&self, site: &mut Site) -> Result<(), Fault> {
        let settings = self.site;
        if settings.security_headers {
            site.always = self.fields("security_headers", &SECURITY_FIELDS)?;
        }
        if let Some(origin) = &settings.cors {
            if !is_origin(origin) {
                let origin = origin.escape_debug();
                let what = format!(
                    "`{origin}` is no origin: write * or https://example.org, with nothing behind"
                );
                return Err(self.fault("cors", what));
            }
            let fields = [("Access-Control-Allow-Origin", origin.as_str())];
            site.always.extend(self.fields("cors", &fields)?);
            site.preflight = self.fields("cors", &PREFLIGHT_FIELDS)?;
        }
        for rule in &settings.headers {
            let fields: Vec<(&str, &str)> =
                rule.set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            site.fields.push(self.rule("headers", &rule.paths, &fields)?);
        }
        Ok(())
    }

    fn rule(
        &self,
        key: &'static str,
        paths: &str,
        fields: &[(&str, &str)],
    ) -> Result<FieldRule, Fault> {
        let fields = self.fields(key, fields)?;
        FieldRule::new(paths.strip_prefix('/').unwrap_or(paths), fields)
            .map_err(|error| self.fault(key, format!("`{paths}` is no pattern of paths: {error}")))
    }

    fn fields(&self, key: &'static str, fields: &[(&str, &str)]) -> Result<Vec<ExtraField>, Fault> {
        let field = |(name, value): &(&str, &str)| {
            ExtraField::new(name, value).map_err(|error| {
                let field = format!("{name}: {value}");
                let field = field.escape_debug();
                self.fault(key, format!("the field `{field}` cannot be sent: {error}"))
            })
        };
        fields.iter().map(field).collect()
    }

    fn fault(&self, key: &'static str, what: String) -> Fault {
        let keys = [Key::Name("site"), Key::Index(self.number), Key::Name(key)];
        let flag = if key == "root" { "DIR" } else { key };
        self.source.fault(&keys, flag, what)
    }
}

/// Whether browsers can name it: any, or one with its scheme and no path.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*" || host.is_some_and(|host| HostName::new(host).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const SHARES: Shares = Shares {
        cores: 2,
        memory: Memory {
            all_bytes: 64 << 20,
            heap_bytes: 48 << 20,
            entries: 4096,
            front_entries: 2048,
            items_bytes: 0,
        },
        connections: 101,
        descriptors_beside: 8,
    };

    fn made(text: &str) -> Result<WebConfig, String> {
        let mut settings: Settings = toml::from_str(text).unwrap();
        if settings.site.is_empty() {
            settings.site.push(SiteSettings::default());
        }
        let settled = Settled { settings, source: Source::default() };
        let made = web_config(&settled, SHARES).map_err(|fault| fault.to_string());
        made.map(|config| config.expect("there is a site"))
    }

    #[test]
    fn shares_are_divided_among_the_cores() {
        let config = made("").unwrap();
        assert_eq!(config.limits.connections_max, 51);
        let cache = config.cache;
        assert_eq!((cache.back_bytes_max, cache.hot_bytes_max), (48 << 20, 6 << 20));
        assert_eq!((cache.entries_max, cache.front_entries_max), (4096, 2048));
        assert_eq!(cache.file_bytes_max, 8 << 20);
        let cache =
            made("[cache]\nback = '64MiB'\nhot = '1MiB'\nmax_file = '32MiB'").unwrap().cache;
        assert_eq!((cache.back_bytes_max, cache.hot_bytes_max), (48 << 20, 1 << 20));
        assert_eq!(cache.file_bytes_max, 12 << 20, "a quarter of the heap");
    }

    #[test]
    fn what_a_site_cannot_be_is_told() {
        for (text, told) in [
            ("[[site]]\nroot = '/nowhere/at/all'", "DIR: cannot serve `/nowhere/at/all`: there is"),
            ("[[site]]\nroot = '/dev/null'", "DIR: cannot serve `/dev/null`: that is no folder"),
            ("[[site]]\nhosts = ['a b']", "hosts: `a b` is no name of a host"),
            ("[[site]]\nnot_found = '../x'", "not_found: `../x` is no path inside"),
            ("[[site]]\ncors = 'https://a.example/'", "cors: `https://a.example/` is no origin"),
            ("[[site]]\nhosts = ['*.a.example']", "hosts: `*.a.example` stands for many names"),
            ("[[site]]\nindex = ['../x']", "index: `../x` is no path inside"),
            ("[[site]]\n[[site.headers]]\npaths='a['\nset={}", "headers: `a[` is no pattern"),
            (
                "[[site]]\n[[site.headers]]\npaths='a'\nset={'Content-Length'='1'}",
                "headers: the field `Content-Length: 1` cannot be sent",
            ),
        ] {
            let fault = made(text).unwrap_err();
            assert!(fault.starts_with(told), "{text}: {fault}");
        }
    }
}
