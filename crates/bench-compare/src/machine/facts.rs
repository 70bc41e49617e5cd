//! What is said about the machine beside every figure.

use std::fs;

use serde::Serialize;

/// A machine, as far as figures depend on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) core_count: usize,
    pub(crate) memory_bytes: u64,
}

impl Facts {
    pub(crate) fn read() -> Self {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib: u64 = value_of(&memory, "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse().ok())
            .unwrap_or_default();
        Self {
            kernel,
            processor: value_of(&cpus, "model name").unwrap_or("unknown").to_owned(),
            core_count: cpus.lines().filter(|line| line.starts_with("processor")).count(),
            memory_bytes: kib * 1024,
        }
    }
}

/// What stands behind the colon in the first line that begins with `key`.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_behind_its_key() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2:1\nmodel name\t: Other\n";
        assert_eq!(value_of(text, "model name"), Some("Some CPU @ 2:1"));
        assert_eq!(value_of(text, "bogomips"), None);
    }
}
