//! Where a body ends that nobody reads, case by case.

use levada_http::h1::{BodyDiscard, BodyLength, BodyLimits, Fed, Refusal};

const NEXT: &str = "GET /next HTTP/1.1\r\n";

fn fed(length: BodyLength, text: &str) -> Result<Fed, Refusal> {
    BodyDiscard::new(length, &BodyLimits::default())?.feed(text.as_bytes())
}

#[test]
fn a_body_with_a_length_ends_there() {
    assert_eq!(fed(BodyLength::None, NEXT), Ok(Fed { body_bytes: 0, is_done: true }));
    assert_eq!(
        fed(BodyLength::Bytes(5), &format!("hello{NEXT}")),
        Ok(Fed { body_bytes: 5, is_done: true })
    );
    assert_eq!(fed(BodyLength::Bytes(5), "hell"), Ok(Fed { body_bytes: 4, is_done: false }));
    assert_eq!(fed(BodyLength::Bytes(5), ""), Ok(Fed { body_bytes: 0, is_done: false }));
}

#[test]
fn a_body_in_chunks_ends_behind_its_trailers() {
    let bodies = [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "a\r\n0123456789\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n000\r\n\r\n",
        "0000000000000005\r\nhello\r\n0\r\n\r\n",
        "2\r\n\r\n\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0;b=c\r\n\r\n",
        "5 ; a = \"q;\\\"\\\\\" ; b\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b c\\\";\" ;d=e\r\nhello\r\n0\r\n\r\n",
        "5\t;\ta\t=\tb\r\nhello\r\n0\r\n\r\n",
        "0\r\nA: b\r\n\r\n",
        "0\r\nA:\r\nB:\tc d \r\n\r\n",
    ];
    for body in bodies {
        let text = format!("{body}{NEXT}");
        assert_eq!(
            fed(BodyLength::Chunked, &text),
            Ok(Fed { body_bytes: body.len(), is_done: true }),
            "{body:?}"
        );
    }
}

#[test]
fn a_chunk_has_one_form() {
    let cases = [
        ("\r\n", Refusal::ChunkMalformed),
        (";a\r\n", Refusal::ChunkMalformed),
        ("g\r\n", Refusal::ChunkMalformed),
        ("+5\r\n", Refusal::ChunkMalformed),
        ("-1\r\n", Refusal::ChunkMalformed),
        ("0x5\r\n", Refusal::ChunkMalformed),
        (" 5\r\n", Refusal::ChunkMalformed),
        ("5 \r\n", Refusal::ChunkMalformed),
        ("5 5\r\n", Refusal::ChunkMalformed),
        ("5\n", Refusal::ChunkMalformed),
        ("5\r5", Refusal::ChunkMalformed),
        ("5\0", Refusal::ChunkMalformed),
        ("00000000000000005\r\n", Refusal::ChunkMalformed),
        ("10000000000000000\r\n", Refusal::ChunkMalformed),
        ("5;\r\n", Refusal::ChunkMalformed),
        ("5;a \r\n", Refusal::ChunkMalformed),
        ("5;a=\r\n", Refusal::ChunkMalformed),
        ("5;=b\r\n", Refusal::ChunkMalformed),
        ("5;a b\r\n", Refusal::ChunkMalformed),
        ("5;a\n", Refusal::ChunkMalformed),
        ("5;a=\"b\r\n", Refusal::ChunkMalformed),
        ("5;a=\"b\n\"", Refusal::ChunkMalformed),
        ("5;a=\"\\\r\n", Refusal::ChunkMalformed),
        ("5;a=\"b\"c\r\n", Refusal::ChunkMalformed),
        ("5;a=b=c\r\n", Refusal::ChunkMalformed),
        ("2\r\nabc\r\n", Refusal::ChunkMalformed),
        ("2\r\nab0\r\n", Refusal::ChunkMalformed),
        ("2\r\nab\n", Refusal::ChunkMalformed),
        ("2\r\nab\r0", Refusal::ChunkMalformed),
        ("0\r\n\n", Refusal::TrailerMalformed),
        ("0\r\n\rA", Refusal::TrailerMalformed),
        ("0\r\n: b\r\n", Refusal::TrailerMalformed),
        ("0\r\nA\r\n", Refusal::TrailerMalformed),
        ("0\r\nA : b\r\n", Refusal::TrailerMalformed),
        ("0\r\nA: b\n", Refusal::TrailerMalformed),
        ("0\r\nA: b\rc", Refusal::TrailerMalformed),
        ("0\r\nA: \0", Refusal::TrailerMalformed),
        ("0\r\nA: b\r\n c\r\n", Refusal::TrailerMalformed),
    ];
    for (text, refusal) in cases {
        assert_eq!(fed(BodyLength::Chunked, text), Err(refusal), "{text:?}");
        assert_eq!(refusal.status().code(), 400);
    }
}

#[test]
fn a_body_beyond_its_limit_is_refused_before_it_is_read() {
    let new = |length, limits| BodyDiscard::new(length, &limits).map(|discard| discard.is_done());
    let limits = BodyLimits::default();
    assert_eq!((limits.payload_bytes_max, limits.chunk_bytes_max), (65_536, 65_536));
    assert_eq!(new(BodyLength::Bytes(65_536), limits), Ok(false));
    assert_eq!(new(BodyLength::Bytes(65_537), limits), Err(Refusal::BodyTooLong));
    assert_eq!(new(BodyLength::Bytes(u64::MAX), limits), Err(Refusal::BodyTooLong));
    assert_eq!(Refusal::BodyTooLong.status().code(), 413);
    assert_eq!(fed(BodyLength::Chunked, "10000\r\n").map(|fed| fed.is_done), Ok(false));
    assert_eq!(fed(BodyLength::Chunked, "10001\r\n"), Err(Refusal::BodyTooLong));
    assert_eq!(fed(BodyLength::Chunked, "ffffffffffffffff\r\n"), Err(Refusal::BodyTooLong));
}

#[test]
fn all_chunks_together_stay_within_the_limit() {
    let limits = BodyLimits { payload_bytes_max: 10, chunk_bytes_max: 64 };
    let feed = |text: &str| BodyDiscard::new(BodyLength::Chunked, &limits)?.feed(text.as_bytes());
    let chunk = "5\r\nhello\r\n";
    assert!(feed(&format!("{chunk}{chunk}0\r\n\r\n")).is_ok_and(|fed| fed.is_done));
    assert_eq!(feed(&format!("{chunk}{chunk}1\r\n")), Err(Refusal::BodyTooLong));
}

#[test]
fn chunks_cost_no_more_beside_their_payload_than_the_limit() {
    let limits = BodyLimits { payload_bytes_max: 1_000, chunk_bytes_max: 20 };
    let feed = |text: &str| BodyDiscard::new(BodyLength::Chunked, &limits)?.feed(text.as_bytes());
    let extended = |extension_bytes| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(extension_bytes));
    assert!(feed(&extended(9)).is_ok_and(|fed| fed.is_done), "eleven beside the extension");
    assert_eq!(feed(&extended(10)), Err(Refusal::BodyTooLong));
    assert_eq!(feed(&format!("0\r\nA: {}", "b".repeat(99))), Err(Refusal::BodyTooLong));
    assert_eq!(feed(&"1\r\nx\r\n".repeat(5)), Err(Refusal::BodyTooLong));
}
