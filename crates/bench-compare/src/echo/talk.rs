//! What a client says to an echo server: one message, again when it is back whole; every byte is compared.

use crate::http::content::Content;
use crate::load::dialogue::{Dialogue, Heard};
use crate::ring::messages::MessageIndex;

/// The message.
#[derive(Debug)]
pub(crate) struct EchoTalk {
    message: Vec<u8>,
}

const MESSAGE: MessageIndex = MessageIndex(0);

impl EchoTalk {
    /// With a message of some content.
    pub(crate) fn new(message_bytes: usize) -> Self {
        let mut message = Vec::with_capacity(message_bytes);
        let content = Content::new(message_bytes as u64, message_bytes as u64);
        content.write_to(&mut message).expect("memory takes all");
        Self { message }
    }
}

impl Dialogue for EchoTalk {
    /// How much of the message is back.
    type Talk = usize;

    fn messages(&self) -> Vec<Vec<u8>> {
        vec![self.message.clone()]
    }

    fn begin(&self) -> usize {
        0
    }

    fn ask(&mut self, heard_bytes: &mut usize) -> MessageIndex {
        *heard_bytes = 0;
        MESSAGE
    }

    fn hear(&mut self, heard_bytes: &mut usize, bytes: &[u8]) -> Result<Heard, String> {
        let expected = &self.message[*heard_bytes..];
        if !expected.starts_with(bytes) {
            return Err("what came back is not what was said".to_owned());
        }
        *heard_bytes += bytes.len();
        Ok(if *heard_bytes == self.message.len() { Heard::Whole } else { Heard::Part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_heard_in_parts_and_a_wrong_byte_is_told() {
        let mut talk = EchoTalk::new(100);
        let message = talk.messages().remove(0);
        let mut heard_bytes = talk.begin();
        assert_eq!(talk.ask(&mut heard_bytes), MESSAGE);
        assert_eq!(talk.hear(&mut heard_bytes, &message[..60]), Ok(Heard::Part));
        assert_eq!(talk.hear(&mut heard_bytes, &message[60..]), Ok(Heard::Whole));
        assert!(talk.hear(&mut heard_bytes, b"more").is_err());
        talk.ask(&mut heard_bytes);
        assert!(talk.hear(&mut heard_bytes, &message[1..]).is_err());
    }
}
