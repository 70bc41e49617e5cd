//! A server beside the program, asked for values: its CPU time for a get, and what its values take.

use crate::comparisons::store_case::memory_sample;
use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::machine::clock::now_ns;
use crate::machine::folder::scratch_in;
use crate::rivals::key_value::{AT_ONCE, KeyValue, Tongue};
use crate::stores::dice::Dice;

/// How many values a server has that is asked for them.
const SERVED_COUNT: u64 = 1_000_000;

const SERVED_BYTES: usize = 64;

/// An entrant that gets values for a window; its cost is the server's CPU time for one.
pub(crate) fn served(ground: &Ground, name: &str, rival: &'static str, tongue: Tongue) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        ground.stop.check()?;
        let folder = scratch_in(&ground.places.compare)?;
        let mut key_value = KeyValue::start(&ground.places, folder.path(), tongue, SERVED_BYTES)?;
        key_value.fill(SERVED_COUNT)?;
        Ok(Box::new(Served { ground, key_value, dice: Dice::from_seed(5), _folder: folder }))
    };
    Entrant { name: name.to_owned(), side: Side::Rival(rival), get_ready: Box::new(get_ready) }
}

struct Served {
    ground: Ground,
    key_value: KeyValue,
    dice: Dice,
    /// After the server in order, so that it goes after it.
    _folder: tempfile::TempDir,
}

impl Served {
    fn get_for(&mut self, length_ns: u64) -> Result<u64, Fault> {
        let (begun_ns, mut count) = (now_ns(), 0);
        while now_ns() - begun_ns < length_ns {
            let keys: Vec<_> = (0..AT_ONCE).map(|_| self.dice.below(SERVED_COUNT)).collect();
            self.key_value.get(&keys)?;
            count += AT_ONCE;
        }
        Ok(count)
    }
}

impl Contender for Served {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let whole_ns = |length: std::time::Duration| {
            u64::try_from(length.as_nanos()).expect("windows are short")
        };
        let pace = self.ground.pace;
        self.get_for(whole_ns(pace.warm_up))?;
        let (begun_ns, begun_cpu_ns) = (now_ns(), self.key_value.server.cpu_ns()?);
        let count = self.get_for(whole_ns(pace.window))? as f64;
        let cpu_ns = (self.key_value.server.cpu_ns()? - begun_cpu_ns) as f64;
        let elapsed_ns = (now_ns() - begun_ns) as f64;
        Ok(Sample {
            cost: cpu_ns / count,
            client_cost: None,
            rate_per_s: Some(count / (elapsed_ns / 1e9)),
            busy_share: Some(cpu_ns / elapsed_ns),
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.key_value.server.cpu_ns().map(Some)
    }
}

/// An entrant that fills a fresh server each time; its cost is what that grew by for a value, the key in it.
pub(crate) fn served_memory(
    ground: &Ground,
    name: &str,
    rival: &'static str,
    tongue: Tongue,
    values: (usize, u64),
) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(ServedMemory { ground, tongue, values }))
    };
    Entrant { name: name.to_owned(), side: Side::Rival(rival), get_ready: Box::new(get_ready) }
}

struct ServedMemory {
    ground: Ground,
    tongue: Tongue,
    values: (usize, u64),
}

impl Contender for ServedMemory {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let (value_bytes, count) = self.values;
        let folder = scratch_in(&self.ground.places.compare)?;
        let mut key_value =
            KeyValue::start(&self.ground.places, folder.path(), self.tongue, value_bytes)?;
        let before_bytes = key_value.server.resident_bytes()?;
        key_value.fill(count)?;
        let grown_bytes = key_value.server.resident_bytes()?.saturating_sub(before_bytes) as f64;
        let each_bytes = grown_bytes / count as f64;
        Ok(memory_sample(each_bytes, each_bytes / value_bytes as f64))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
