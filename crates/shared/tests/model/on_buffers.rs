//! Steps on buffers: they are had, filled, lent, moved and frozen.

use levada_shared::{Limit, SharedData};

use crate::step::{Act, Step};
use crate::value::{Cut, Value, is_equal};
use crate::world::{Filling, TAGS, World, choose, take};

impl World {
    pub(crate) fn run_on_buf(&mut self, step: &Step) {
        match step.act {
            Act::Buf => {
                let (index, account) = self.account(step.with);
                let tag = TAGS[step.what % TAGS.len()];
                let tagged = account.with_tag(tag);
                let answer =
                    if step.is_kept { tagged.kept_buf(step.bytes) } else { tagged.buf(step.bytes) };
                match answer {
                    Ok(buf) => {
                        assert!(buf.capacity() >= step.bytes && buf.is_empty());
                        let capacity_bytes = buf.capacity() as u64;
                        assert!(self.has_hidden() || capacity_bytes <= self.room(index).0);
                        let block = self.add_block(capacity_bytes, tag);
                        let bytes = Vec::new();
                        let filling = Filling { block, account: index, bytes, is_split: false };
                        self.bufs.push((buf, filling));
                    }
                    Err(full) => {
                        assert_eq!(full.limit, Limit::Account);
                        assert!(self.has_hidden() || full.room_bytes == self.room(index).0);
                    }
                }
            }
            Act::Write => {
                let first = self.next_byte;
                self.next_byte = first.wrapping_add(97);
                let Some((buf, filling)) = choose(&mut self.bufs, step.what) else { return };
                let text: Vec<u8> = (0..step.with % 200)
                    .map(|index| first.wrapping_add(index.to_le_bytes()[0]))
                    .collect();
                let fits = buf.room_bytes() >= text.len();
                assert_eq!(buf.write(&text).is_ok(), fits);
                if fits {
                    filling.bytes.extend(text);
                }
                assert_eq!(&buf[..], &filling.bytes[..]);
            }
            Act::Freeze => {
                let Some((buf, filling)) = take(&mut self.bufs, step.what) else { return };
                let address = buf.as_ptr();
                let data = buf.freeze();
                assert!(data.pieces().all(|piece| piece.as_ptr() == address));
                self.add_frozen(data, &filling);
            }
            Act::FreezeFilled => {
                let Some((buf, filling)) = choose(&mut self.bufs, step.what) else { return };
                let data = buf.freeze_filled();
                let bytes = std::mem::take(&mut filling.bytes);
                filling.is_split |= !bytes.is_empty();
                let filled = Filling { bytes, ..*filling };
                self.add_frozen(data, &filled);
            }
            Act::Move => {
                let Some((buf, mut filling)) = take(&mut self.bufs, step.what) else { return };
                let (to, account) = self.account(step.with);
                // As it is while the buffer is out of the model's hands: its own hold is not counted for who has it.
                let is_held = to == filling.account || self.is_held_by(to, filling.block);
                let need_bytes = if is_held { 0 } else { self.capacity_bytes(filling.block) };
                let answer = buf.transfer_to(&account);
                if to != filling.account {
                    self.check_room(to, need_bytes, &answer);
                }
                let buf = match answer {
                    Ok(buf) => {
                        filling.account = to;
                        buf
                    }
                    Err(full) => full.value,
                };
                self.bufs.push((buf, filling));
            }
            _ => drop(take(&mut self.bufs, step.what)),
        }
    }

    pub(crate) fn lend(&mut self, step: &Step) {
        let (index, account) = self.account(step.with);
        let tag = TAGS[step.what % TAGS.len()];
        let (tagged, block) = (account.with_tag(tag), self.blocks.len());
        // A buffer without room is charged as one byte, and data without bytes not at all.
        let capacity_bytes = if let Act::LendBuf = step.act {
            let answer = self.lent.buf(&tagged, block, step.bytes);
            let capacity_bytes = (step.bytes as u64).max(1);
            self.check_room(index, capacity_bytes, &answer);
            let Ok(buf) = answer else { return };
            assert_eq!((buf.capacity(), buf.len()), (step.bytes, 0));
            let filling = Filling { block, account: index, bytes: Vec::new(), is_split: false };
            self.bufs.push((buf, filling));
            capacity_bytes
        } else {
            let bytes: Vec<u8> =
                (0..step.bytes % 700).map(|at| at.wrapping_mul(31).to_le_bytes()[0]).collect();
            let answer = self.lent.data(&tagged, block, &bytes);
            if bytes.is_empty() {
                assert!(answer.is_ok_and(|data| data.is_empty()));
                0
            } else {
                self.check_room(index, bytes.len() as u64, &answer);
                let Ok(data) = answer else { return };
                let capacity_bytes = bytes.len() as u64;
                assert_eq!(data.pinned_bytes(), capacity_bytes);
                self.add_frozen(data, &Filling { block, account: index, bytes, is_split: false });
                capacity_bytes
            }
        };
        assert_eq!(self.add_block(capacity_bytes, tag), block);
        self.blocks[block].is_lent = true;
    }

    pub(crate) fn take_back(&mut self, step: &Step) {
        let Some((buf, filling)) = take(&mut self.bufs, step.what) else { return };
        let is_whole = self.blocks[filling.block].is_lent && !filling.is_split;
        match self.lent.take_back(buf) {
            Ok((block, bytes)) => {
                assert!(is_whole && block == filling.block);
                assert_eq!(bytes, filling.bytes);
                self.blocks[block].is_taken_back = true;
            }
            Err(buf) => {
                assert!(!is_whole);
                self.bufs.push((buf, filling));
            }
        }
    }

    pub(crate) fn add_frozen(&mut self, data: SharedData, filling: &Filling) {
        let cut =
            Cut { block: filling.block, account: filling.account, length: filling.bytes.len() };
        let cuts = if cut.length > 0 { vec![cut] } else { Vec::new() };
        is_equal(&data, &filling.bytes);
        let value = Value { cuts, bytes: filling.bytes.clone(), ..Value::default() };
        self.values.push((data, value));
    }
}
