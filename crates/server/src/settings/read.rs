//! Reading puts together what flags, variables, the file and the defaults say; the first of these that says it counts.

use std::path::Path;

use crate::arguments::Said;
use crate::fault::Fault;
use crate::settings::file::Source;
use crate::settings::verify::verify;
use crate::settings::{Settings, SiteSettings};
use crate::units::{Address, Place};

/// Settings that can hold together, and where they came from.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) settings: Settings,
    pub(crate) source: Source,
}

/// Reads all that was said.
///
/// # Errors
/// What was said that cannot be, with its place.
pub(crate) fn read(said: &Said) -> Result<Settled, Fault> {
    let (source, mut settings) = match &said.config {
        Some(path) => Source::read(path)?,
        None => Default::default(),
    };
    for site in &mut settings.site {
        site.root = source.folder().join(&site.root);
    }
    for place in &mut settings.memcached.listen {
        if let Place::Unix(path) = place {
            *path = source.folder().join(&*path);
        }
    }
    lay_over(&mut settings, said);
    for site in &mut settings.site {
        // So that what `check` shows says the same wherever it is put.
        site.root = std::path::absolute(&site.root).unwrap_or_else(|_| site.root.clone());
    }
    verify(&settings, &source)?;
    Ok(Settled { settings, source })
}

fn lay_over(settings: &mut Settings, said: &Said) {
    if !said.memcache.is_empty() {
        settings.memcached.listen.clone_from(&said.memcache);
    }
    // Who says where to listen, or what to serve, wants HTTP; who says neither, and memcached, that alone.
    let is_web = !settings.memcached.is_on()
        || said.dir.is_some()
        || !said.listen.is_empty()
        || !settings.listen.is_empty()
        || !settings.site.is_empty();
    if !said.listen.is_empty() {
        settings.listen.clone_from(&said.listen);
    }
    if settings.listen.is_empty() && is_web {
        settings.listen = vec![Address(([127, 0, 0, 1], 8080).into())];
    }
    settings.admin = said.admin.or(settings.admin);
    settings.memory = said.memory.or(settings.memory);
    if let Some(cores) = &said.cores {
        settings.cores = cores.clone();
    }
    settings.io = said.io.unwrap_or(settings.io);
    settings.log = said.log.unwrap_or(settings.log);
    if !is_web {
        return;
    }
    if settings.site.is_empty() {
        let root = said.dir.as_deref().unwrap_or(Path::new(".")).to_owned();
        settings.site = vec![SiteSettings { root, ..SiteSettings::default() }];
    } else if let Some(dir) = &said.dir {
        settings.site[0].root.clone_from(dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ByteCount, Cores};

    #[test]
    fn flags_beat_the_file_and_the_file_beats_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("levada.toml");
        std::fs::write(&config, "memory = '64MiB'\ncores = 2\n[[site]]\nroot = 'public'\n")
            .unwrap();
        let said = Said { config: Some(config), ..Said::default() };
        let settings = read(&said).unwrap().settings;
        assert_eq!(settings.memory, Some(ByteCount(64 << 20)));
        assert_eq!(settings.cores, Cores::Count(2));
        assert_eq!(settings.site[0].root, folder.path().join("public"));
        assert_eq!(settings.listen[0].to_string(), "127.0.0.1:8080");

        let said = Said {
            memory: Some(ByteCount(128 << 20)),
            dir: Some("elsewhere".into()),
            listen: vec!["127.0.0.1:1".parse().unwrap()],
            ..said
        };
        let settings = read(&said).unwrap().settings;
        assert_eq!(settings.memory, Some(ByteCount(128 << 20)));
        assert_eq!(settings.site[0].root, std::path::absolute("elsewhere").unwrap());
        assert_eq!(settings.listen[0].to_string(), "127.0.0.1:1");
    }

    #[test]
    fn memcached_alone_serves_no_folder_and_beside_one_both() {
        let memcache = vec!["unix:a".parse().unwrap()];
        let alone = Said { memcache, ..Said::default() };
        let settings = read(&alone).unwrap().settings;
        assert!(settings.site.is_empty() && settings.listen.is_empty());
        let beside = Said { dir: Some(".".into()), ..alone.clone() };
        let settings = read(&beside).unwrap().settings;
        assert!(settings.site.len() == 1 && settings.listen.len() == 1);
        assert_eq!(settings.memcached.listen, alone.memcache);
    }

    #[test]
    fn without_a_file_the_current_folder_is_served() {
        let settings = read(&Said::default()).unwrap().settings;
        assert_eq!(settings.site.len(), 1);
        assert_eq!(settings.site[0].root, std::path::absolute(".").unwrap());
    }
}
