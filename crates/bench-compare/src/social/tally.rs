//! A tally counts persons in a table that is as large as it must be: a walk touches few of all, and should not touch more.

/// ```text
/// place   person + 1 in the high half, how often in the low; 0 is free
/// ```
#[derive(Debug, Default)]
pub(crate) struct Tally {
    places: Vec<u64>,
    used_count: usize,
}

impl Tally {
    /// Empties it, and makes room for so many at least.
    pub(crate) fn begin(&mut self, person_count: usize) {
        let place_count = (person_count * 2).next_power_of_two().max(64);
        self.places.clear();
        self.places.resize(place_count, 0);
        self.used_count = 0;
    }

    /// Counts a person, and says how often that was.
    #[inline]
    pub(crate) fn count(&mut self, person: u32) -> u32 {
        if self.used_count * 4 >= self.places.len() * 3 {
            self.grow();
        }
        let at = self.place_of(person);
        let place = &mut self.places[at];
        if *place == 0 {
            *place = (u64::from(person) + 1) << 32;
            self.used_count += 1;
        }
        *place += 1;
        u32::try_from(*place & 0xFFFF_FFFF).expect("32 bits")
    }

    /// Whether it was counted.
    #[inline]
    pub(crate) fn has(&self, person: u32) -> bool {
        !self.places.is_empty() && self.places[self.place_of(person)] != 0
    }

    /// How many were counted, and the one that was counted most often.
    pub(crate) fn most(&self) -> (usize, Option<u32>) {
        let most = self.places.iter().max_by_key(|place| *place & 0xFFFF_FFFF);
        let most = most.filter(|place| **place != 0);
        let person = |place: &u64| u32::try_from((place >> 32) - 1).expect("32 bits");
        (self.used_count, most.map(person))
    }

    #[inline]
    fn place_of(&self, person: u32) -> usize {
        let mask = self.places.len() - 1;
        let hash = u64::from(person).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let mut at = usize::try_from(hash).expect("44 bits") & mask;
        loop {
            let place = self.places[at];
            if place == 0 || place >> 32 == u64::from(person) + 1 {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let places = std::mem::take(&mut self.places);
        self.places.resize((places.len() * 2).max(64), 0);
        for place in places.into_iter().filter(|place| *place != 0) {
            let person = u32::try_from((place >> 32) - 1).expect("32 bits");
            let at = self.place_of(person);
            self.places[at] = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::stores::dice::Dice;

    #[test]
    fn a_tally_agrees_with_a_map_also_when_it_must_grow() {
        let (mut tally, mut map) = (Tally::default(), HashMap::new());
        tally.begin(1);
        assert_eq!(tally.most(), (0, None));
        let mut dice = Dice::from_seed(1);
        for _ in 0..10_000 {
            let person = u32::try_from(dice.below(3_000)).unwrap();
            *map.entry(person).or_insert(0) += 1;
            assert_eq!(tally.count(person), map[&person]);
        }
        assert!((0..3_500).all(|person| tally.has(person) == map.contains_key(&person)));
        let (count, most) = tally.most();
        assert_eq!((count, map[&most.unwrap()]), (map.len(), *map.values().max().unwrap()));
    }
}
