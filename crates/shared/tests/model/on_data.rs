//! Steps on data: it is cut, joined, shared and sent.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;

use levada_plain::to_index;
use levada_shared::SharedData;
use rustix::fs::sendfile;

use crate::step::{Act, Step};
use crate::value::{Cut, Value, is_equal};
use crate::world::{World, choose, take};

impl World {
    pub(crate) fn run_on_data(&mut self, step: &Step) {
        match step.act {
            Act::Clone => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let copy = (data.clone(), value.clone());
                self.values.push(copy);
            }
            Act::Slice => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let part = data.slice(step.from..step.to);
                let (from, to) = (to_index(step.from), to_index(step.to));
                assert_eq!(part.is_some(), value.bytes.get(from..to).is_some());
                if let Some(part) = part {
                    let expected = value.window(from, to, &part);
                    is_equal(&part, &expected.bytes);
                    self.values.push((part, expected));
                }
            }
            Act::Split => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let (at, length) = (to_index(step.from), value.bytes.len());
                let head = data.split_to(step.from);
                assert_eq!(head.is_some(), at <= length);
                if let Some(head) = head {
                    let front = value.window(0, at, &head);
                    *value = value.window(at, length, data);
                    is_equal(&head, &front.bytes);
                    is_equal(data, &value.bytes);
                    self.values.push((head, front));
                }
            }
            Act::Append | Act::Prepend => {
                let Some((mut other, mut joined)) = take(&mut self.values, step.with) else {
                    return;
                };
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                if let Act::Append = step.act {
                    std::mem::swap(data, &mut other);
                    std::mem::swap(value, &mut joined);
                }
                // Now `other` comes first, with what `joined` says.
                let tail = std::mem::take(data);
                let hidden = if other.is_empty() { &value.hidden } else { &joined.hidden };
                let hidden = hidden.clone();
                if step.is_kept {
                    assert!(other.append(tail).is_ok(), "few steps make few pieces");
                    *data = other;
                } else {
                    *data = tail;
                    assert!(data.prepend(other).is_ok(), "few steps make few pieces");
                }
                let bytes = [&joined.bytes[..], &value.bytes].concat();
                let cuts = [&joined.cuts[..], &value.cuts].concat();
                let hidden = if data.piece_count() > 3 { hidden } else { BTreeSet::new() };
                *value = Value { cuts, bytes, hidden };
                is_equal(data, &value.bytes);
            }
            Act::Share | Act::Join => self.share(step),
            Act::Transfer => {
                let (to, account) = self.account(step.with);
                let Some(index) = step.what.checked_rem(self.values.len()) else { return };
                let (data, value) = &self.values[index];
                let need_bytes = self.need_bytes(data, value, (to, &account));
                let (data, value) = self.values.swap_remove(index);
                self.values.push((SharedData::new(), value.clone()));
                let answer = data.transfer_to(&account);
                self.check_room(to, need_bytes, &answer);
                let last = self.values.last_mut().expect("pushed above");
                *last = match answer {
                    Ok(data) => (data, value.moved_to(to)),
                    Err(full) => (full.value, value),
                };
                is_equal(&last.0, &last.1.bytes);
            }
            Act::Send => {
                let Some((data, _)) = choose(&mut self.values, step.what) else { return };
                self.sent.extend(send(data));
            }
            Act::Retire => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                data.retire();
                assert!(data.is_retired() || data.is_empty());
                for cut in &value.cuts {
                    self.blocks[cut.block].is_retired = true;
                }
            }
            _ => drop(take(&mut self.values, step.what)),
        }
    }

    pub(crate) fn share(&mut self, step: &Step) {
        let (to, account) = self.account(step.with);
        let Some(index) = step.what.checked_rem(self.values.len()) else { return };
        let (data, value) = &self.values[index];
        if let Act::Join = step.act
            && data.piece_count() > 1
        {
            let Ok(joined) = data.copy_contiguous(&account) else { return };
            assert!(joined.piece_count() == 1);
            is_equal(&joined, &value.bytes);
            let (bytes, capacity_bytes) = (value.bytes.clone(), joined.pinned_bytes());
            assert!(self.has_hidden() || capacity_bytes <= self.room(to).0);
            let block = self.add_block(capacity_bytes, "");
            let cuts = vec![Cut { block, account: to, length: bytes.len() }];
            self.values.push((joined, Value { cuts, bytes, ..Value::default() }));
            return;
        }
        let need_bytes = self.need_bytes(data, value, (to, &account));
        let answer = data.share_with(&account);
        self.check_room(to, need_bytes, &answer);
        if let Ok(shared) = answer {
            is_equal(&shared, &value.bytes);
            let moved = value.moved_to(to);
            self.values.push((shared, moved));
        }
    }
}

/// Gives what lies in the file to sockets.
pub(crate) fn send(data: &SharedData) -> Vec<(UnixStream, Vec<u8>)> {
    let mut sent = Vec::new();
    assert!(data.parts().map(|part| part.bytes).eq(data.pieces()));
    for part in data.parts() {
        let Some((file, mut offset)) = part.file else { continue };
        let (to, from) = UnixStream::pair().expect("a pair of sockets");
        // What does not fit the socket stays unsent.
        to.set_nonblocking(true).expect("a socket can be told so");
        let count = sendfile(&to, file, Some(&mut offset), part.bytes.len());
        let count = count.expect("an empty socket has room");
        sent.push((from, part.bytes[..count].to_vec()));
    }
    sent
}
