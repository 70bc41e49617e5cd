//! Typed reads on golden packets: headers are the same wherever the bytes were cut into pieces, and no byte is copied to
//! strip one or to put one before.

use levada_plain::{big_endian, bytes_of, views_at};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// RFC 8200, section 3.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Ipv6Header {
    version_class_flow: big_endian::U32,
    payload_bytes: big_endian::U16,
    next_header: u8,
    hop_limit: u8,
    source: [u8; 16],
    destination: [u8; 16],
}

/// RFC 4443, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct IcmpEcho {
    kind: u8,
    code: u8,
    checksum: big_endian::U16,
    identifier: big_endian::U16,
    sequence: big_endian::U16,
}

/// RFC 9293, section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct TcpHeader {
    source_port: big_endian::U16,
    destination_port: big_endian::U16,
    sequence: big_endian::U32,
    acknowledged: big_endian::U32,
    offset_and_flags: big_endian::U16,
    window: big_endian::U16,
    checksum: big_endian::U16,
    urgent: big_endian::U16,
}

/// What a checksum covers besides (RFC 8200, section 8.1).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct PseudoHeader {
    source: [u8; 16],
    destination: [u8; 16],
    payload_bytes: big_endian::U32,
    zero: [u8; 3],
    next_header: u8,
}

const IPV6_BYTES: u64 = size_of::<Ipv6Header>() as u64;

/// An echo request, and one of a connection, with an option: IPv6, complete with their checksums.
#[rustfmt::skip]
const ECHO: [u8; 64] = [
    0x62, 0x01, 0x23, 0x45, 0x00, 0x18, 0x3a, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x80, 0x00, 0x59, 0x3c, 0x12, 0x34, 0x00, 0x07,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
];
#[rustfmt::skip]
const TCP_PACKET: [u8; 80] = [
    0x62, 0x01, 0x23, 0x45, 0x00, 0x28, 0x06, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xc0, 0x00, 0x01, 0xbb, 0xde, 0xad, 0xbe, 0xef,
    0x01, 0x02, 0x03, 0x04, 0x60, 0x18, 0xfa, 0xf0, 0x0c, 0xb9, 0x00, 0x00, 0x02, 0x04, 0x05, 0xa0,
    0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31, 0x0d, 0x0a,
];

fn account() -> Account {
    let options = Options { bytes_max: 8 << 20, ..Options::default() };
    SharedHeap::new(options).expect("8 MiB").default_account()
}

/// The packet, cut before each of these places into blocks of their own.
fn cut(account: &Account, packet: &[u8], cuts: &[usize]) -> SharedData {
    let mut data = SharedData::new();
    let ends = cuts.iter().copied().chain([packet.len()]);
    let mut from = 0;
    for to in ends {
        if to > from {
            let piece = account.copy_from(&packet[from..to]).expect("room");
            data.append(piece).expect("few pieces");
            from = to;
        }
    }
    data
}

/// Each way of cutting a packet into one, two or three pieces.
fn all_cuts(length: usize) -> impl Iterator<Item = Vec<usize>> {
    let pairs = (1..length).flat_map(move |one| (one..length).map(move |other| vec![one, other]));
    std::iter::once(Vec::new()).chain(pairs)
}

/// The sum of all 16-bit words; `0xFFFF` where the checksum among them is right (RFC 1071).
fn sum(spans: &[&[u8]]) -> u16 {
    let bytes: Vec<u8> = spans.concat();
    let words = views_at::<big_endian::U16>(&bytes, 0).expect("of single bytes");
    let sum: u32 = words.iter().map(|word| u32::from(word.get())).sum();
    u16::try_from((sum & 0xFFFF) + (sum >> 16)).expect("short packets carry once")
}

#[test]
fn the_headers_of_golden_packets_read_the_same_at_every_cut() {
    let account = account();
    for cuts in all_cuts(ECHO.len()) {
        let data = cut(&account, &ECHO, &cuts);
        let ip: Ipv6Header = data.read(0).unwrap();
        assert_eq!((ip.version_class_flow.get() >> 28, ip.payload_bytes.get()), (6, 24));
        assert_eq!((ip.next_header, ip.hop_limit), (58, 64));
        assert_eq!((ip.source[0], ip.source[1], ip.destination[15]), (0x20, 0x01, 2));
        let echo: IcmpEcho = data.read(IPV6_BYTES).unwrap();
        let (kind, code) = (echo.kind, echo.code);
        assert_eq!((kind, code, echo.identifier.get(), echo.sequence.get()), (128, 0, 0x1234, 7));
        assert_eq!(data.read::<IcmpEcho>(57), None, "seven bytes are no header");
        assert_eq!(data.read::<u8>(u64::MAX), None);
    }
    for cuts in all_cuts(TCP_PACKET.len()) {
        let data = cut(&account, &TCP_PACKET, &cuts);
        let tcp: TcpHeader = data.read(IPV6_BYTES).unwrap();
        assert_eq!((tcp.source_port.get(), tcp.destination_port.get()), (49_152, 443));
        assert_eq!((tcp.sequence.get(), tcp.acknowledged.get()), (0xDEAD_BEEF, 0x0102_0304));
        assert_eq!((tcp.offset_and_flags.get(), tcp.window.get()), (6 << 12 | 0x18, 64_240));
        assert_eq!((tcp.checksum.get(), tcp.urgent.get()), (0x0CB9, 0));
    }
}

#[test]
fn a_view_is_there_exactly_where_a_header_is_in_one_piece_and_aligned() {
    let account = account();
    for cuts in all_cuts(TCP_PACKET.len()) {
        let data = cut(&account, &TCP_PACKET, &cuts);
        for offset in [0, 1, 2, 4, 40, 57, 60, 61, 80, 81] {
            let rest = data.longest_at(offset);
            let tcp = data.view::<TcpHeader>(offset);
            assert_eq!(tcp.is_some(), rest.len() >= size_of::<TcpHeader>(), "{cuts:?} {offset}");
            let is_aligned = rest.as_ptr().addr().is_multiple_of(4);
            let word = data.view::<u32>(offset);
            assert_eq!(word.is_some(), rest.len() >= 4 && is_aligned, "{cuts:?} {offset}");
            assert_eq!(word.copied(), word.and(data.read::<u32>(offset)));
            assert_eq!(tcp.copied(), tcp.and(data.read::<TcpHeader>(offset)));
        }
    }
}

#[test]
fn checksums_hold_and_stripping_and_prepending_headers_copies_nothing() {
    let account = account();
    let heap = account.heap().clone();
    for (packet, next_header) in [(&ECHO[..], 58), (&TCP_PACKET[..], 6)] {
        let mut data = cut(&account, packet, &[17, 43]);
        let copied = heap.gauges().bytes_copied;
        let ip: Ipv6Header = data.read(0).unwrap();
        let head = data.split_to(IPV6_BYTES).unwrap();
        let pseudo = PseudoHeader {
            source: ip.source,
            destination: ip.destination,
            payload_bytes: u32::from(ip.payload_bytes.get()).into(),
            zero: [0; 3],
            next_header,
        };
        let mut spans = vec![bytes_of(&pseudo)];
        spans.extend(data.pieces());
        assert_eq!(sum(&spans), 0xFFFF);
        data.prepend(head).unwrap();
        assert_eq!((data.to_vec(), heap.gauges().bytes_copied), (packet.to_vec(), copied));
    }
}

#[test]
fn a_header_written_is_the_header_read() {
    let account = account();
    let ip = Ipv6Header::read_from_prefix(&ECHO).unwrap().0;
    let mut buf = account.buf(200).unwrap();
    buf.write(bytes_of(&ip)).unwrap();
    let head = buf.freeze_filled();
    buf.write(&ECHO[40..]).unwrap();
    let mut packet = head;
    packet.append(buf.freeze()).unwrap();
    assert_eq!((packet.piece_count(), packet.view::<Ipv6Header>(0)), (1, Some(&ip)));
    assert_eq!(packet.to_vec(), ECHO);
}
