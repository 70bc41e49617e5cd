//! An exchange is a script under load: a message, then its answer, of which every byte is compared.

use crate::load::dialogue::{Dialogue, Heard};
use crate::memcache::script::Script;
use crate::ring::messages::MessageIndex;
use crate::stores::dice::Dice;

#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    script: &'a Script,
    dice: Dice,
}

/// One connection: the message that was sent last, and how much of its answer has come.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    index: usize,
    heard_bytes: usize,
}

/// More of an answer says no more in a table.
const TOLD_BYTES_MAX: usize = 40;

impl<'a> Exchange<'a> {
    pub(crate) fn new(script: &'a Script, seed: u64) -> Self {
        Self { script, dice: Dice::from_seed(seed) }
    }
}

impl Dialogue for Exchange<'_> {
    type Talk = Talk;

    fn messages(&self) -> Vec<Vec<u8>> {
        self.script.messages.clone()
    }

    fn begin(&self) -> Talk {
        Talk::default()
    }

    fn ask(&mut self, talk: &mut Talk) -> MessageIndex {
        *talk = Talk { index: self.script.choose(&mut self.dice), heard_bytes: 0 };
        MessageIndex(talk.index)
    }

    fn hear(&mut self, talk: &mut Talk, bytes: &[u8]) -> Result<Heard, String> {
        let answer = &self.script.answers[talk.index];
        let expected = &answer[talk.heard_bytes..];
        if !expected.starts_with(bytes) {
            return Err(told(bytes, expected));
        }
        talk.heard_bytes += bytes.len();
        Ok(if talk.heard_bytes == answer.len() { Heard::Whole } else { Heard::Part })
    }
}

/// A wrong answer, from the line on that is wrong, as far as it can be read.
pub(crate) fn told(bytes: &[u8], expected: &[u8]) -> String {
    let same_bytes = bytes.iter().zip(expected).take_while(|(heard, right)| heard == right).count();
    let line = bytes[..same_bytes].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let shown: String = bytes[line..]
        .iter()
        .take(TOLD_BYTES_MAX)
        .flat_map(|byte| byte.escape_ascii())
        .map(char::from)
        .collect();
    format!("the answer was another: {shown}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcache::script::Asks;
    use crate::memcache::stock::Stock;
    use crate::memcache::tongue::Tongue;

    #[test]
    fn an_answer_is_heard_in_parts_and_a_wrong_byte_is_told() {
        let script = Script::new(Tongue::Memcached, &Stock::new(10, 100), Asks::Get);
        let mut exchange = Exchange::new(&script, 1);
        let mut talk = exchange.begin();
        let MessageIndex(index) = exchange.ask(&mut talk);
        let answer = &script.answers[index];
        assert_eq!(exchange.hear(&mut talk, &answer[..50]), Ok(Heard::Part));
        assert_eq!(exchange.hear(&mut talk, &answer[50..]), Ok(Heard::Whole));
        exchange.ask(&mut talk);
        let said = exchange.hear(&mut talk, b"ERROR\r\n").unwrap_err();
        assert!(said.ends_with("ERROR\\r\\n"), "{said}");
        let said = told(b"STORED\r\nNOT_STORED\r\n", b"STORED\r\nSTORED\r\n");
        assert!(said.ends_with(": NOT_STORED\\r\\n"), "{said}");
    }
}
