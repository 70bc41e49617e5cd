//! Steps on accounts: room is set aside and used, soft blocks are stolen, and accounts close.

use levada_shared::Charged;

use crate::step::{Act, Step};
use crate::value::is_equal;
use crate::world::{LIMITS, Life, World, take};

impl World {
    pub(crate) fn run_on_account(&mut self, step: &Step) {
        match step.act {
            Act::Reserve => {
                let (index, account) = self.account(step.with);
                let bytes = step.bytes as u64;
                let answer = account.reserve(bytes);
                self.check_room(index, bytes, &answer);
                if let Ok(room) = answer {
                    self.rooms.push((room, index, bytes));
                }
            }
            Act::Rehome => {
                if self.rooms.is_empty() || self.values.is_empty() {
                    return;
                }
                let (room, value) = (step.with % self.rooms.len(), step.what % self.values.len());
                self.rehome(room, value);
            }
            Act::DropRoom => drop(take(&mut self.rooms, step.what)),
            Act::Steal => {
                let (soft_only, hidden) = (self.soft_only(), self.hidden_blocks());
                let relief = self.heap.steal(u64::MAX);
                let is_exact = hidden.is_empty()
                    && soft_only.iter().all(|block| self.blocks[*block].life == Life::Alive);
                assert!(!is_exact || relief.blocks == soft_only.len() as u64);
                assert_eq!(self.heap.gauges().soft_bytes, 0);
                for block in soft_only {
                    let is_sure = !hidden.contains(&block);
                    self.blocks[block].life = if is_sure { Life::Gone } else { Life::Unsure };
                }
            }
            _ => {
                let slot = step.what % LIMITS.len();
                let index = self.open[slot];
                let expected = self.charged_bytes(index);
                let handle = self.owners[index].handle.take().expect("it is open");
                let left_bytes = handle.close();
                assert!(left_bytes == expected || self.has_hidden(), "{left_bytes} {expected}");
                self.open_account(slot);
            }
        }
    }

    pub(crate) fn rehome(&mut self, room: usize, value: usize) {
        let (to, mut left_bytes) = (self.rooms[room].1, self.rooms[room].2);
        let mut held = self.held();
        let mut moved = self.values[value].1.shown();
        for cut in &mut moved.cuts {
            let capacity_bytes = self.capacity_bytes(cut.block);
            if !held.contains(&(to, cut.block)) {
                if capacity_bytes > left_bytes {
                    continue;
                }
                left_bytes -= capacity_bytes;
                held.insert((to, cut.block));
            }
            cut.account = to;
        }
        let is_exact = !self.has_hidden();
        let (room, _, model_bytes) = &mut self.rooms[room];
        let (data, model) = &mut self.values[value];
        data.rehome(room);
        is_equal(data, &model.bytes);
        if is_exact {
            assert_eq!(room.left_bytes(), left_bytes);
        }
        *model_bytes = room.left_bytes();
        *model = moved;
    }
}
