//! A trace is the keys of requests, in the order in which they came.

use std::collections::HashSet;

use foldhash::fast::RandomState;

/// Requests in their order.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) keys: Vec<u64>,
    /// How many keys occur in it.
    pub(crate) unique_count: usize,
}

impl Trace {
    pub(crate) fn of(keys: Vec<u64>) -> Self {
        let unique: HashSet<u64, RandomState> = keys.iter().copied().collect();
        Self { unique_count: unique.len(), keys }
    }

    /// Its first requests.
    pub(crate) fn beginning(mut self, request_count: usize) -> Self {
        if request_count >= self.keys.len() {
            return self;
        }
        self.keys.truncate(request_count);
        Self::of(self.keys)
    }

    /// So many entries hold this share of the keys that occur.
    pub(crate) fn entry_count(&self, permille: u64) -> usize {
        let count = self.unique_count as u64 * permille / 1_000;
        usize::try_from(count).expect("less than the keys in memory").max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_keys_is_a_number_of_entries_and_never_none() {
        let trace = Trace::of((0..1_000).chain(0..1_000).collect());
        assert_eq!((trace.unique_count, trace.entry_count(100)), (1_000, 100));
        assert_eq!(trace.clone().beginning(30).unique_count, 30);
        assert_eq!(trace.clone().beginning(10).entry_count(10), 1);
        assert_eq!(trace.beginning(9_999).keys.len(), 2_000);
    }
}
