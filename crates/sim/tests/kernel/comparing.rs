//! Comparing what each side read with what the other wrote.

use levada_sim::{Ended, PeerTrace};

use crate::program::{Program, far_volley};

impl Program {
    /// What each side read is what the other wrote, from the beginning, and all of it where both ended well.
    pub(crate) fn compare(&self) -> Vec<PeerTrace> {
        for (from, bytes, is_cut) in &self.came {
            let sent = self
                .volleys
                .iter()
                .enumerate()
                .filter(|(index, _)| *from == Some(far_volley(*index)));
            let mut sent = sent.flat_map(|(_, (_, sent))| sent);
            let is_it = |sent: &Vec<u8>| match is_cut {
                true => sent.starts_with(bytes) && sent.len() > bytes.len(),
                false => sent == bytes,
            };
            assert!(sent.any(is_it), "nobody sent this datagram from {from:?}");
        }
        for line in &self.lines {
            let Some(peer) = line.peer else { continue };
            let written = self.scripts.iter().find(|(known, _)| *known == peer);
            let (written, trace) = (&written.expect("a peer").1, self.world.peer(peer));
            let told = format!("{line:?}, {trace:?}, written: {}", written.len());
            assert!(written.starts_with(&line.received), "other bytes came: {told}");
            assert!(line.sent.starts_with(&trace.read), "other bytes went: {told}");
            if line.has_end && !line.has_failed {
                assert!(line.received == *written, "not all came: {told}");
            }
            if trace.ended == Ended::End {
                assert!(trace.read == line.sent, "not all went: {told}");
            }
        }
        self.scripts.iter().map(|(peer, _)| self.world.peer(*peer)).collect()
    }
}
