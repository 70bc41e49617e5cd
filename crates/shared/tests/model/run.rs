//! A step is run on the heap and on its model, and what nobody keeps any more ends in both.

use crate::step::{Act, Step};
use crate::world::World;

impl World {
    pub(crate) fn run(&mut self, step: &Step) {
        match step.act {
            Act::Buf | Act::Write | Act::Freeze | Act::FreezeFilled | Act::Move | Act::DropBuf => {
                self.run_on_buf(step);
            }
            Act::LendData | Act::LendBuf => self.lend(step),
            Act::TakeBack => self.take_back(step),
            Act::Soft
            | Act::Weak
            | Act::UpgradeSoft
            | Act::CloneSoft
            | Act::RetireSoft
            | Act::DropSoft
            | Act::UpgradeWeak
            | Act::CloneWeak
            | Act::DropWeak => {
                self.run_on_reference(step);
            }
            Act::Reserve | Act::Rehome | Act::DropRoom | Act::Steal | Act::Close => {
                self.run_on_account(step);
            }
            _ => self.run_on_data(step),
        }
        self.settle();
    }
}
