//! What goes out, byte by byte.

use levada_http::h1::{CONTINUE, HeadLimits, HeadLines, Persistence, ShortReply, Tail, parse_head};
use levada_http::{
    Boundary, Coding, Compose, ContentType, ExtraField, FileVersion, Full, HttpDate, Location,
    Method, Multipart, RangePlan, ReplyHead, Representation, SitePath, Status, Validators,
    plan_ranges,
};

const VERSION: FileVersion =
    FileVersion { length_bytes: 26, modified_unix_s: 784_111_777, modified_ns: 0 };

fn composed(text: &impl Compose) -> String {
    let mut out = Vec::new();
    text.compose(&mut out).expect("a vector grows");
    assert_eq!(text.text_bytes(), out.len());
    String::from_utf8(out).expect("a head is ASCII")
}

fn tail(persistence: Persistence) -> Tail {
    Tail { date: HttpDate::from_unix_s(784_111_777), persistence }
}

fn representation(coding: Coding, extra: &[ExtraField]) -> Representation<'_> {
    Representation {
        content_type: ContentType::of_name("a.html"),
        length_bytes: 26,
        coding,
        validators: Validators::from_file(VERSION, coding),
        varies: coding != Coding::Identity,
        extra,
    }
}

#[test]
fn a_whole_answer_says_all_that_is_known() {
    let extra = [ExtraField::new("Cache-Control", "max-age=60").unwrap()];
    assert_eq!(
        composed(&HeadLines(representation(Coding::Brotli, &extra).whole())),
        "HTTP/1.1 200 OK\r\n\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: 26\r\n\
         Content-Encoding: br\r\n\
         ETag: \"1a-2ebc98a1-0-br\"\r\n\
         Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Accept-Ranges: bytes\r\n\
         Vary: Accept-Encoding\r\n\
         Cache-Control: max-age=60\r\n"
    );
}

#[test]
fn not_modified_keeps_the_validators_and_says_nothing_of_a_body() {
    let extra = [ExtraField::new("Cache-Control", "max-age=60").unwrap()];
    assert_eq!(
        composed(&HeadLines(representation(Coding::Gzip, &extra).not_modified())),
        "HTTP/1.1 304 Not Modified\r\n\
         ETag: \"1a-2ebc98a1-0-gz\"\r\n\
         Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Vary: Accept-Encoding\r\n\
         Cache-Control: max-age=60\r\n"
    );
}

/// What is sent of 26 bytes for that `Range`.
fn planned(range: &str) -> RangePlan {
    let text = format!("GET / HTTP/1.1\r\nHost: h\r\nRange: {range}\r\n\r\n");
    let head = parse_head(text.as_bytes(), &HeadLimits::default());
    let head = head.ok().flatten().expect("the head is right");
    let validators = Validators::from_file(VERSION, Coding::Identity);
    plan_ranges(head.request.method, &head.request.fields, 26, &validators)
}

#[test]
fn a_part_says_where_it_lies_and_how_long_it_is() {
    let RangePlan::One(range) = planned("bytes=20-99") else { panic!("one range lies inside") };
    let text = composed(&HeadLines(representation(Coding::Identity, &[]).part(range)));
    let start = "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html; charset=utf-8\r\n\
                 Content-Length: 6\r\nContent-Range: bytes 20-25/26\r\nETag: \"1a-2ebc98a1-0\"\r\n";
    assert!(text.starts_with(start) && text.ends_with("Accept-Ranges: bytes\r\n"), "{text}");
}

#[test]
fn several_parts_say_their_boundary_and_how_long_they_are_together() {
    let RangePlan::Several(ranges) = planned("bytes=0-1,20-") else {
        panic!("two ranges lie inside")
    };
    let whole = representation(Coding::Gzip, &[]);
    let (content_type, boundary) = (whole.content_type, Boundary::new(7));
    let multipart = Multipart { ranges: &ranges, whole_bytes: 26, content_type, boundary };
    let text = composed(&HeadLines(whole.parts(&multipart)));
    let start = format!(
        "HTTP/1.1 206 Partial Content\r\n\
         Content-Type: multipart/byteranges; boundary=00000000000000000000000000000007\r\n\
         Content-Length: {}\r\nContent-Encoding: gzip\r\nETag: ",
        multipart.body_bytes()
    );
    assert!(text.starts_with(&start) && !text.contains("Content-Range"), "{text}");
}

#[test]
fn what_is_older_than_dates_has_no_last_modified() {
    let version = FileVersion { modified_unix_s: -1, ..VERSION };
    let validators = Validators::from_file(version, Coding::Identity);
    let old = Representation { validators, ..representation(Coding::Identity, &[]) };
    let text = composed(&HeadLines(old.whole()));
    assert!(
        text.contains("ETag: \"1a-ffffffffffffffff-0\"\r\n") && !text.contains("Last-Modified")
    );
}

#[test]
fn a_range_that_is_not_there_is_answered_with_the_length() {
    let varying = representation(Coding::Gzip, &[]).unsatisfiable();
    assert!(composed(&HeadLines(varying)).ends_with("*/26\r\nVary: Accept-Encoding\r\n"));
    let head = representation(Coding::Identity, &[]).unsatisfiable();
    assert_eq!(
        composed(&HeadLines(head)),
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */26\r\n"
    );
}

#[test]
fn a_tail_says_the_date_and_what_becomes_of_the_connection() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    assert_eq!(composed(&tail(Persistence::Keep)), format!("{date}\r\n"));
    assert_eq!(composed(&tail(Persistence::Close)), format!("{date}Connection: close\r\n\r\n"));
    let longest = composed(&tail(Persistence::KeepSaid));
    assert_eq!(longest, format!("{date}Connection: keep-alive\r\n\r\n"));
    assert_eq!(longest.len(), Tail::TEXT_BYTES_MAX);
}

#[test]
fn a_refused_method_is_told_which_there_are() {
    let head = ReplyHead::new(Status::METHOD_NOT_ALLOWED);
    let reply = ShortReply {
        head,
        cause: "c0ffee",
        tail: tail(Persistence::Close),
        method: Some(Method::NotAllowed),
    };
    let page = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>405 Method Not Allowed</title>\n\
                <h1>405 Method Not Allowed</h1>\n<p>Cause <code>c0ffee</code></p>\n";
    assert_eq!(
        composed(&reply),
        format!(
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Length: {}\r\nAllow: GET, HEAD, OPTIONS\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Connection: close\r\n\r\n{page}",
            page.len()
        )
    );
}

#[test]
fn head_gets_the_same_head_and_no_body() {
    for status in Status::ALL {
        let reply = |method| {
            composed(&ShortReply {
                head: ReplyHead::new(*status),
                cause: "1",
                tail: tail(Persistence::Keep),
                method,
            })
        };
        let (whole, head) = (reply(Some(Method::Get)), reply(Some(Method::Head)));
        assert!(head.ends_with("\r\n\r\n") && whole.starts_with(&head));
        let body = &whole[head.len()..];
        assert_eq!(body.is_empty(), status.is_bodiless());
        let length = format!("\r\nContent-Length: {}\r\n", body.len());
        assert_eq!(head.contains(&length), !status.is_bodiless(), "{head}");
        assert_eq!(reply(None), whole, "what could not be read is answered whole");
    }
}

#[test]
fn a_redirect_says_where_and_too_much_says_when() {
    let path = SitePath { relative: b"a b", is_directory: true };
    let location = Some(Location { path, query: Some(b"c") });
    let head = ReplyHead { location, ..ReplyHead::new(Status::PERMANENT_REDIRECT) };
    assert_eq!(
        composed(&HeadLines(head)),
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: /a%20b/?c\r\n"
    );
    let head = ReplyHead { retry_after_s: Some(2), ..ReplyHead::new(Status::SERVICE_UNAVAILABLE) };
    assert_eq!(
        composed(&HeadLines(head)),
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
    );
    let head = ReplyHead { allows: true, ..ReplyHead::new(Status::NO_CONTENT) };
    assert_eq!(
        composed(&HeadLines(head)),
        "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\n"
    );
}

#[test]
fn a_reply_without_room_is_not_begun() {
    let head = HeadLines(representation(Coding::Identity, &[]).whole());
    let text_bytes = head.text_bytes();
    let mut room = vec![0_u8; text_bytes - 1];
    let full = Full { text_bytes, room_bytes: text_bytes - 1 };
    assert_eq!(head.compose(&mut room.as_mut_slice()), Err(full));
    assert!(room.iter().all(|byte| *byte == 0));
    let mut room = vec![0_u8; text_bytes];
    assert_eq!(head.compose(&mut room.as_mut_slice()), Ok(()));
    assert!(room.ends_with(b"Accept-Ranges: bytes\r\n"));
}

#[test]
fn go_on_is_whole_and_no_more() {
    assert_eq!(CONTINUE, b"HTTP/1.1 100 Continue\r\n\r\n");
}
