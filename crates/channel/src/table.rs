//! A table gives things short names that are never mistaken: an index, and a generation that steps when it is reused.
//!
//! Cost: taking and freeing are a push and a pop; a look-up is a bounds check and a comparison.

use levada_ring::Generation;

/// The name of an entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Name {
    pub(crate) index: u32,
    pub(crate) generation: Generation,
}

impl Name {
    /// The name with these numbers.
    pub(crate) fn numbered(index: u32, generation: u32) -> Self {
        Self { index, generation: Generation::numbered(generation) }
    }
}

/// Entries by name, at most `count_max` at a time.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    used_count: u32,
    count_max: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: Generation,
    entry: Option<T>,
}

impl<T> Table<T> {
    pub(crate) fn new(count_max: u32) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), used_count: 0, count_max }
    }

    /// Takes an entry in, or gives it back where there are as many as there may be.
    pub(crate) fn insert(&mut self, entry: T) -> Result<Name, T> {
        if self.used_count == self.count_max {
            return Err(entry);
        }
        self.used_count += 1;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.entry = Some(entry);
            return Ok(Name { index, generation: slot.generation });
        }
        let index =
            u32::try_from(self.slots.len()).expect("no more slots than entries and retired ones");
        self.slots.push(Slot { generation: Generation::FIRST, entry: Some(entry) });
        Ok(Name { index, generation: Generation::FIRST })
    }

    /// The entry of that name, if it is still the same.
    #[inline]
    pub(crate) fn get(&mut self, name: Name) -> Option<&mut T> {
        let slot = self.slots.get_mut(name.index as usize)?;
        if slot.generation != name.generation {
            return None;
        }
        slot.entry.as_mut()
    }

    /// The entry of that name, to be looked at only.
    pub(crate) fn peek(&self, name: Name) -> Option<&T> {
        let slot = self.slots.get(name.index as usize)?;
        slot.entry.as_ref().filter(|_| slot.generation == name.generation)
    }

    /// Takes the entry out; its name is stale from here on, and an index whose generations are used up is retired.
    pub(crate) fn remove(&mut self, name: Name) -> Option<T> {
        let slot = self.slots.get_mut(name.index as usize)?;
        if slot.generation != name.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        self.used_count -= 1;
        if let Some(next) = slot.generation.next() {
            slot.generation = next;
            self.free.push(name.index);
        }
        Some(entry)
    }

    pub(crate) fn count_max(&self) -> u32 {
        self.count_max
    }

    pub(crate) fn used_count(&self) -> u32 {
        self.used_count
    }

    pub(crate) fn room_count(&self) -> u32 {
        self.count_max - self.used_count
    }

    /// The names of all entries.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.entry.is_some())
            .map(|(index, slot)| Name { index, generation: slot.generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stale_when_its_entry_has_gone_and_another_has_its_index() {
        let mut table = Table::new(2);
        let first = table.insert("first").unwrap();
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second").unwrap();
        assert_eq!((second.index, table.peek(first), table.used_count()), (first.index, None, 1));
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&mut "second"));
    }

    #[test]
    fn a_full_table_gives_the_entry_back() {
        let mut table = Table::new(1);
        let only = table.insert(1).unwrap();
        assert_eq!((table.insert(2), table.room_count()), (Err(2), 0));
        table.remove(only);
        assert!(table.insert(2).is_ok());
        assert_eq!(table.names().count(), 1);
    }

    #[test]
    fn an_index_whose_generations_are_used_up_is_retired() {
        let mut table = Table::new(1);
        let name = table.insert(()).unwrap();
        table.slots[0].generation = Generation::numbered(u32::MAX);
        assert_eq!(
            table.remove(Name { generation: Generation::numbered(u32::MAX), ..name }),
            Some(())
        );
        assert_eq!(table.insert(()).map(|name| name.index), Ok(1));
    }
}
