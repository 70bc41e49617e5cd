//! Verifying compares settings with what can be, and with each other, before anything is opened.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::settings::Settings;
use crate::settings::file::{Key, Source};
use crate::units::{ByteCount, EntryCount, Place, Span};

/// The longest time that can be said: a year.
const SPAN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// As many sites as the web service tells apart.
const SITES_MAX: usize = u16::MAX as usize;

/// More entries of a cache than that are no use.
const ENTRIES_MAX: usize = 1 << 24;

/// Says what is wrong first, if anything is.
///
/// # Errors
/// The key with its place, and what would be right.
pub(crate) fn verify(settings: &Settings, source: &Source) -> Result<(), Fault> {
    let limits = &settings.limits;
    let bounds = [
        ("uri", limits.uri, 64, 1 << 20),
        ("head", limits.head, 256, 1 << 20),
        ("body", limits.body, 0, 1 << 40),
    ];
    for (name, value, least, most) in bounds {
        within(source, &[Key::Name("limits"), Key::Name(name)], value, least, most)?;
    }
    let cache = &settings.cache;
    within(source, &[Key::Name("cache"), Key::Name("max_file")], cache.max_file, 0, 1 << 30)?;
    if limits.uri > limits.head {
        let what = format!(
            "a head of {} has no room for a URI of {}: lower `limits.uri`, or raise `limits.head`",
            limits.head, limits.uri
        );
        return Err(source.fault(&[Key::Name("limits"), Key::Name("head")], "limits.uri", what));
    }
    let counts = [
        (["limits", "fields"], limits.fields, 1 << 10),
        (["limits", "connections"], limits.connections, 1 << 20),
        (["cache", "entries"], cache.entries.unwrap_or(1), ENTRIES_MAX),
    ];
    for ([table, name], value, most) in counts {
        if value == 0 || value > most {
            let what = format!("{value} cannot be: choose a number from 1 to {most}");
            return Err(source.fault(&[Key::Name(table), Key::Name(name)], name, what));
        }
    }
    if let Some(EntryCount(front)) = cache.front
        && front > ENTRIES_MAX
    {
        let what = format!("{front} cannot be: choose a number from 0 to {ENTRIES_MAX}");
        return Err(source.fault(&[Key::Name("cache"), Key::Name("front")], "front", what));
    }
    let spans = [
        (["limits", "header"], limits.header),
        (["limits", "idle"], limits.idle),
        (["limits", "write_stall"], limits.write_stall),
        (["cache", "revalidate"], cache.revalidate),
    ];
    for ([table, name], Span(span)) in spans {
        if span.is_zero() || span > SPAN_MAX {
            let what = "this time cannot be: choose one from 1ms to 8784h";
            return Err(source.fault(&[Key::Name(table), Key::Name(name)], name, what));
        }
    }
    if settings.grace.0 > SPAN_MAX {
        let what = "this time cannot be: choose one to 8784h";
        return Err(source.fault(&[Key::Name("grace")], "grace", what));
    }
    if settings.site.len() > SITES_MAX {
        let what = format!("more than {SITES_MAX} sites cannot be served: leave some out");
        return Err(source.fault(&[Key::Name("site"), Key::Index(SITES_MAX)], "[[site]]", what));
    }
    listeners_once(settings, source)?;
    memcached(settings, source)?;
    hosts_once(settings, source)
}

/// What is said of the memcached service.
fn memcached(settings: &Settings, source: &Source) -> Result<(), Fault> {
    let of = |name| [Key::Name("memcached"), Key::Name(name)];
    let said = &settings.memcached;
    if said.udp.is_some() {
        let what = "memcached over UDP is not supported: leave it out, and connect over TCP";
        return Err(source.fault(&of("udp"), "udp", what));
    }
    within(source, &of("item_max"), said.item_max, 1 << 10, 128 << 20)?;
    within(source, &of("line_max"), said.line_max, 2 << 10, 1 << 20)?;
    within(source, &of("hold_from"), said.hold_from, 1, 1 << 40)?;
    within(source, &of("receive_from"), said.receive_from, 1, 1 << 40)?;
    if let Some(receiving) = said.receiving_max {
        within(source, &of("receiving_max"), receiving, 4 << 10, 1 << 40)?;
    }
    if said.connections == 0 || said.connections > 1 << 20 {
        let what = format!("{} cannot be: choose a number from 1 to 1048576", said.connections);
        return Err(source.fault(&of("connections"), "connections", what));
    }
    for (name, span) in [("idle", said.idle), ("value_timeout", Some(said.value_timeout))] {
        if span.is_some_and(|Span(span)| span.is_zero() || span > SPAN_MAX) {
            let what = "this time cannot be: choose one from 1ms to 8784h";
            return Err(source.fault(&of(name), name, what));
        }
    }
    let mut known: Vec<&Place> = Vec::new();
    for (number, place) in said.listen.iter().enumerate() {
        let is_taken = match place {
            Place::Tcp(address) if address.port() == 0 => false,
            Place::Tcp(address) => {
                settings.listen.iter().chain(&settings.admin).any(|taken| taken.0 == *address)
            }
            Place::Unix(_) => false,
        };
        let is_any = matches!(place, Place::Tcp(address) if address.port() == 0);
        if is_taken || known.contains(&place) && !is_any {
            let what = format!("{place} stands there twice: leave one out");
            let key = [Key::Name("memcached"), Key::Name("listen"), Key::Index(number)];
            return Err(source.fault(&key, "--memcache", what));
        }
        known.push(place);
    }
    Ok(())
}

/// No address is taken twice by ourselves.
fn listeners_once(settings: &Settings, source: &Source) -> Result<(), Fault> {
    let mut known = Vec::new();
    for (number, address) in settings.listen.iter().enumerate() {
        if address.0.port() != 0 && known.contains(&address.0) {
            let what = format!("{address} stands there twice: leave one out");
            let key = [Key::Name("listen"), Key::Index(number)];
            return Err(source.fault(&key, "--listen", what));
        }
        known.push(address.0);
    }
    match settings.admin {
        Some(admin) if admin.0.port() != 0 && known.contains(&admin.0) => {
            let what = format!("{admin} is where sites are served: choose another port");
            Err(source.fault(&[Key::Name("admin")], "--admin", what))
        }
        _ => Ok(()),
    }
}

fn within(
    source: &Source,
    keys: &[Key],
    value: ByteCount,
    least: u64,
    most: u64,
) -> Result<(), Fault> {
    let (least, most) = (ByteCount(least), ByteCount(most));
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let what = format!("{value} cannot be: choose a size from {least} to {most}");
    Err(source.fault(keys, "the configuration", what))
}

/// Each name leads to one site, and each site but the first has a name.
fn hosts_once(settings: &Settings, source: &Source) -> Result<(), Fault> {
    let mut known = BTreeMap::new();
    for (number, site) in settings.site.iter().enumerate() {
        let key = [Key::Name("site"), Key::Index(number), Key::Name("hosts")];
        if number > 0 && site.hosts.is_empty() {
            let key = [Key::Name("site"), Key::Index(number)];
            let what = "no host leads here: give it `hosts`; only the first site goes without";
            return Err(source.fault(&key, "[[site]]", what));
        }
        for host in &site.hosts {
            if let Some(first) = known.insert(host.to_ascii_lowercase(), number) {
                let what = format!("`{host}` leads to site[{}] already", first + 1);
                return Err(source.fault(&key, "[[site]]", what));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &str) -> String {
        let settings: Settings = toml::from_str(text).unwrap();
        verify(&settings, &Source::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_hold_together_is_refused_with_what_would() {
        for (text, part) in [
            ("[limits]\nhead = '1GiB'", "choose a size from 256 to 1MiB"),
            ("[limits]\nuri = '64KiB'", "has no room for a URI of 64KiB"),
            ("listen = ['[::]:80', '[::]:80']", "[::]:80 stands there twice"),
            ("listen = ['[::]:80']\nadmin = '[::]:80'", "choose another port"),
            ("[limits]\nconnections = 0", "choose a number from 1"),
            ("[limits]\nidle = '0s'", "choose one from 1ms"),
            ("[cache]\nentries = 0", "choose a number from 1 to 16777216"),
            ("[cache]\nfront = 67108864", "choose a number from 0 to 16777216"),
            ("[memcached]\nudp = 11211", "UDP is not supported"),
            ("[memcached]\nitem_max = 10", "choose a size from 1KiB to 128MiB"),
            ("[memcached]\nconnections = 0", "choose a number from 1"),
            ("[memcached]\nidle = '0s'", "choose one from 1ms"),
            ("[memcached]\nlisten = ['unix:a', 'unix:a']", "unix:a stands there twice"),
            ("admin = '[::]:80'\n[memcached]\nlisten = ['[::]:80']", "[::]:80 stands there twice"),
            ("[[site]]\n[[site]]", "only the first site goes without"),
            ("[[site]]\nhosts=['a.b']\n[[site]]\nhosts=['A.b']", "leads to site[1] already"),
        ] {
            let fault = fault_of(text);
            assert!(fault.contains(part), "{text}: {fault}");
        }
        let many = fault_of(&"[[site]]\n".repeat(SITES_MAX + 1));
        assert!(many.contains("more than 65535 sites"), "{many}");
        assert!(verify(&Settings::default(), &Source::default()).is_ok());
    }
}
