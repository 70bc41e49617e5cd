//! Steps on references: what they lead to is there, or is lost for a reason that the model knows.

use std::collections::BTreeMap;

use levada_shared::{Lost, SharedData};

use crate::step::{Act, Step};
use crate::value::{AccountIndex, Value, is_equal};
use crate::world::{Life, World, choose, take};

/// What an upgrade should come to.
pub(crate) enum Expected {
    Unsure,
    Held,
    Lost(Lost),
}

impl World {
    pub(crate) fn run_on_reference(&mut self, step: &Step) {
        match step.act {
            Act::Soft => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                self.softs.push((data.soft(), value.shown()));
            }
            Act::Weak => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                self.weaks.push((data.weak(), value.shown()));
            }
            Act::CloneSoft => {
                let Some((soft, value)) = choose(&mut self.softs, step.what) else { return };
                let copy = (soft.clone(), value.clone());
                assert_eq!(copy.0.len(), value.bytes.len() as u64);
                self.softs.push(copy);
            }
            Act::CloneWeak => {
                let Some((weak, value)) = choose(&mut self.weaks, step.what) else { return };
                let copy = (weak.clone(), value.clone());
                assert_eq!(copy.0.len(), value.bytes.len() as u64);
                self.weaks.push(copy);
            }
            Act::UpgradeSoft => {
                let Some(index) = step.what.checked_rem(self.softs.len()) else { return };
                let value = self.softs[index].1.clone();
                let expected = self.expected(&value);
                let answer = self.softs[index].0.try_upgrade();
                self.upgraded(answer, &value, &expected);
            }
            Act::UpgradeWeak => {
                let Some(index) = step.what.checked_rem(self.weaks.len()) else { return };
                let value = self.weaks[index].1.clone();
                let expected = self.expected(&value);
                let answer = self.weaks[index].0.try_upgrade();
                self.upgraded(answer, &value, &expected);
            }
            Act::RetireSoft => {
                let Some((soft, value)) = choose(&mut self.softs, step.what) else { return };
                soft.retire();
                for cut in &value.cuts {
                    self.blocks[cut.block].is_retired = true;
                }
            }
            Act::DropSoft => drop(take(&mut self.softs, step.what)),
            _ => drop(take(&mut self.weaks, step.what)),
        }
    }

    pub(crate) fn expected(&self, value: &Value) -> Expected {
        let mut held = self.held();
        let mut paid_bytes: BTreeMap<AccountIndex, u64> = BTreeMap::new();
        for cut in &value.cuts {
            let block = &self.blocks[cut.block];
            if block.is_retired {
                return Expected::Lost(Lost::Retired);
            }
            match block.life {
                Life::Gone => return Expected::Lost(Lost::Gone),
                Life::Unsure => return Expected::Unsure,
                Life::Alive => {}
            }
            if held.insert((cut.account, cut.block)) {
                if self.has_hidden() {
                    return Expected::Unsure;
                }
                let paid_bytes = paid_bytes.entry(cut.account).or_default();
                let (room_bytes, limit) = self.room(cut.account);
                let room_bytes = room_bytes.saturating_sub(*paid_bytes);
                if block.capacity_bytes > room_bytes {
                    return Expected::Lost(Lost::Full { limit, room_bytes });
                }
                *paid_bytes += block.capacity_bytes;
            }
        }
        Expected::Held
    }

    pub(crate) fn upgraded(
        &mut self,
        answer: Result<SharedData, Lost>,
        value: &Value,
        expected: &Expected,
    ) {
        match (&answer, expected) {
            (_, Expected::Unsure) | (Ok(_), Expected::Held) => {}
            (Err(lost), Expected::Lost(expected)) => assert_eq!(lost, expected),
            (Ok(_), Expected::Lost(expected)) => panic!("upgraded what should be lost: {expected}"),
            (Err(lost), Expected::Held) => panic!("lost what should be there: {lost}"),
        }
        if let Ok(data) = answer {
            is_equal(&data, &value.bytes);
            for cut in &value.cuts {
                self.blocks[cut.block].life = Life::Alive;
            }
            self.values.push((data, value.shown()));
        }
    }
}
