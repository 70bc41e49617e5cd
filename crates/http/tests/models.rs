//! Paths, ranges and whole requests beside models that are simple enough to be seen right.

use std::collections::BTreeSet;

use levada_http::h1::{HeadLimits, parse_head};
use levada_http::{
    Boundary, ByteRange, Coding, CodingSet, Compose, ContentType, EntityTag, Field, FileVersion,
    Host, HtmlListing, HttpDate, JsonListing, Listing, ListingEntry, Method, Multipart, PREFERENCE,
    PathRules, RangePlan, TraceParent, Validators, choose_coding, judge, plan_ranges,
};
use proptest::collection;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() }
}

fn validators(length_bytes: u64) -> Validators {
    Validators::from_file(
        FileVersion { length_bytes, modified_unix_s: 0, modified_ns: 0 },
        Coding::Identity,
    )
}

/// A request with these fields behind `Host`.
fn with_fields(lines: &[(&str, Vec<u8>)], then: impl FnOnce(Method, &levada_http::Fields<'_>)) {
    let mut text = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
    for (name, value) in lines {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    if let Ok(Some(head)) = parse_head(&text, &HeadLimits::default()) {
        then(head.request.method, &head.request.fields);
    }
}

fn raw_paths() -> impl Strategy<Value = String> {
    let parts = select(
        &[
            "/",
            "/",
            "/",
            "//",
            ".",
            "..",
            "%2e",
            "%2E",
            "a",
            "b.c",
            "%2F",
            "%2f",
            "%5c",
            "\\",
            "%00",
            "%0a",
            "%7f",
            "%25",
            "%252e",
            "%c3%bc",
            "%c0%ae",
            "%ff",
            "%",
            "%4",
            "%41",
            ".well-known",
            ".git",
            "~",
            "|",
            ":",
            "%20",
            "...",
        ][..],
    );
    collection::vec(parts, 0..10).prop_map(|parts| format!("/{}", parts.concat()))
}

/// One member of a `Range` set: its text, and the bytes of a representation of that length that it
/// means.
#[derive(Clone, Debug)]
enum Asked {
    Closed(u64, u64),
    Open(u64),
    Suffix(u64),
}

impl Asked {
    fn text(&self) -> String {
        match self {
            Self::Closed(first, last) => format!("{first}-{last}"),
            Self::Open(first) => format!("{first}-"),
            Self::Suffix(suffix) => format!("-{suffix}"),
        }
    }

    fn bytes(&self, length: u64) -> BTreeSet<u64> {
        (0..length)
            .filter(|index| match self {
                Self::Closed(first, last) => index >= first && index <= last,
                Self::Open(first) => index >= first,
                Self::Suffix(suffix) => length - index <= *suffix,
            })
            .collect()
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        (0_u64..60, 0_u64..20).prop_map(|(first, more)| Asked::Closed(first, first + more)),
        (0_u64..60).prop_map(Asked::Open),
        (0_u64..60).prop_map(Asked::Suffix),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_path_never_leads_out(raw in raw_paths(), serves_dotfiles in any::<bool>()) {
        let mut scratch = Vec::new();
        let rules = PathRules { serves_dotfiles };
        if let Ok(path) = rules.resolve(raw.as_bytes(), &mut scratch) {
            let relative = std::str::from_utf8(path.relative).expect("a path is UTF-8");
            assert!(!relative.starts_with('/') && !relative.ends_with('/'));
            assert!(!relative.contains(['\\', '\0']) && !relative.chars().any(|char| char.is_ascii_control()));
            for (index, component) in relative.split('/').enumerate() {
                assert!(!component.is_empty() || relative.is_empty());
                assert!(component != "." && component != "..");
                let is_well_known = index == 0 && component == ".well-known";
                assert!(serves_dotfiles || is_well_known || !component.starts_with('.'));
                assert!(relative.is_empty() || rules.reaches(component.as_bytes(), index == 0));
            }
            // Decoding first and splitting then is the same, since no slash was encoded.
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(&raw).collect();
            let model: Vec<_> = decoded.split(|byte| *byte == b'/').filter(|component| !component.is_empty()).collect();
            assert_eq!(path.relative, model.join(&b'/'));
            assert_eq!(path.is_directory, raw.ends_with('/'));
        }
    }

    #[test]
    fn a_path_that_was_resolved_resolves_to_itself(raw in raw_paths()) {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let rules = PathRules::default();
        if let Ok(path) = rules.resolve(raw.as_bytes(), &mut one) {
            let mut again = Vec::new();
            levada_http::Location { path, query: None }.compose(&mut again).expect("a vector grows");
            assert_eq!(rules.resolve(&again, &mut other), Ok(path), "{}", again.escape_ascii());
        }
    }

    #[test]
    fn a_plan_sends_what_was_asked_for_once(set in collection::vec(asked(), 1..19), length in 0_u64..60, drawn in any::<u128>()) {
        let texts: Vec<_> = set.iter().map(Asked::text).collect();
        let value = format!("bytes={}", texts.join(", "));
        with_fields(&[("Range", value.clone().into_bytes())], |method, fields| {
            let plan = plan_ranges(method, fields, length, &validators(length));
            let each: Vec<_> = set.iter().map(|asked| asked.bytes(length)).filter(|bytes| !bytes.is_empty()).collect();
            let model: BTreeSet<u64> = each.iter().flatten().copied().collect();
            let ranges: Vec<ByteRange> = match &plan {
                RangePlan::Whole => {
                    let is_suffix_of_nothing = length == 0 && set.iter().any(|asked| matches!(asked, Asked::Suffix(1..)));
                    assert!(set.len() > 16 || is_suffix_of_nothing, "{value} of {length}");
                    return;
                }
                RangePlan::Unsatisfiable => Vec::new(),
                RangePlan::One(range) => vec![*range],
                RangePlan::Several(ranges) => ranges.as_slice().to_vec(),
            };
            let sent: Vec<u64> = ranges.iter().flat_map(|range| range.to_range()).collect();
            assert_eq!(sent.len() as u64, ranges.iter().map(|range| range.length_bytes()).sum::<u64>());
            assert_eq!(sent.len(), model.len(), "no byte twice: {value} of {length}");
            assert_eq!(sent.iter().copied().collect::<BTreeSet<_>>(), model, "{value} of {length}");
            if each.iter().map(BTreeSet::len).sum::<usize>() == model.len() {
                let in_order: Vec<u64> = each.iter().flatten().copied().collect();
                assert_eq!(sent, in_order, "no overlap, so the order stays: {value} of {length}");
            }
            if let RangePlan::Several(ranges) = &plan {
                let content_type = ContentType::HTML;
                let multipart = Multipart { ranges, whole_bytes: length, content_type, boundary: Boundary::new(drawn) };
                let mut body = Vec::new();
                for (head, range) in multipart.parts() {
                    head.compose(&mut body).expect("a vector grows");
                    body.extend(range.to_range().map(|_| b'x'));
                }
                multipart.closing().compose(&mut body).expect("a vector grows");
                assert_eq!(multipart.body_bytes(), body.len() as u64);
                assert!(multipart.body_bytes() <= length + 17 * 200, "never amplified");
            }
        });
    }

    #[test]
    fn nothing_that_is_said_of_a_representation_makes_us_fall(
        fields in collection::vec((select(&Field::ALL[..]), "[ -~]{0,40}|[bytes=0-9,]{0,40}|[\"W/a, *]{0,20}|[gzip;q=01., ]{0,30}"), 0..6),
        bytes in collection::vec(any::<u8>(), 0..80),
        length in any::<u64>(),
    ) {
        let lines: Vec<_> = fields.into_iter().map(|(field, value)| (field.name(), value.into_bytes())).collect();
        with_fields(&lines, |method, fields| {
            let validators = validators(length);
            judge(method, fields, &validators);
            match plan_ranges(method, fields, length, &validators) {
                RangePlan::One(range) => assert!(range.first() <= range.last() && range.last() < length),
                RangePlan::Several(ranges) => {
                    let sum: u64 = ranges.as_slice().iter().map(|range| range.length_bytes()).sum();
                    assert!(sum <= length);
                }
                RangePlan::Whole | RangePlan::Unsatisfiable => {}
            }
            let all: CodingSet = Coding::ALL.into_iter().collect();
            if let Some(coding) = choose_coding(fields, all, &PREFERENCE) {
                assert!(all.has(coding));
            }
        });
        assert!(HttpDate::parse(&bytes).is_none_or(|unix_s| unix_s < 253_402_300_800));
        if let Some(parent) = TraceParent::parse(&bytes) {
            assert_ne!(parent.trace_id, [0; 16]);
        }
        let mut key = String::new();
        if let Ok(host) = Host::parse(&bytes) {
            host.copy_key_into(&mut key);
            assert!(key.is_ascii() && !key.is_empty());
        }
        assert!(!EntityTag::from_hash(0, Coding::Identity).is_weakly_in(&bytes));
    }

    #[test]
    fn a_listing_is_as_long_as_it_says_and_holds_no_foreign_markup(names in collection::vec(collection::vec(any::<u8>(), 0..12), 0..6), folder in "[ -~]{0,12}") {
        let entries = names.iter().map(|name| ListingEntry { name, is_directory: name.len() % 2 == 0, length_bytes: 1, modified_unix_s: 1 });
        let listing = Listing { relative: folder.as_bytes(), entries, rules: PathRules::default() };
        let (mut html, mut json) = (Vec::new(), Vec::new());
        HtmlListing(listing.clone()).compose(&mut html).expect("a vector grows");
        JsonListing(listing.clone()).compose(&mut json).expect("a vector grows");
        assert_eq!(html.len(), HtmlListing(listing).text_bytes());
        let (html, json) = (String::from_utf8(html).expect("UTF-8"), String::from_utf8(json).expect("UTF-8"));
        let shown = names.iter().filter(|name| PathRules::default().reaches(name, folder.is_empty())).count();
        let rows = shown + 1 + usize::from(!folder.is_empty());
        assert_eq!(html.matches("<tr>").count(), rows);
        assert_eq!(html.matches('<').count(), html.matches('>').count());
        assert_eq!(json.matches("{\"name\":\"").count(), shown);
    }
}
