//! Classes of IP addresses, however they are spelt.
//!
//! Facts: the IANA special-purpose address registries (RFC 6890), RFC 1918, RFC 6598, RFC 4193,
//! RFC 4291, RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), the host parser of the WHATWG URL
//! standard for the spellings of IPv4, and the instance metadata addresses that cloud vendors
//! document. Worst case: linear in a host of at most 255 bytes.

/// Classes of addresses as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Classes(u8);

impl Classes {
    /// Anything that is none of the others.
    pub const PUBLIC: Self = Self(1);
    /// Networks of a site.
    pub const PRIVATE: Self = Self(2);
    /// The machine itself, unspecified addresses included.
    pub const LOOPBACK: Self = Self(4);
    /// The link that the machine is on.
    pub const LINK_LOCAL: Self = Self(8);
    /// Where clouds tell a machine its credentials.
    pub const METADATA: Self = Self(16);
    /// Multicast, documentation, future use.
    pub const RESERVED: Self = Self(32);

    pub const NAMED: [(&'static str, Self); 6] = [
        ("link_local", Self::LINK_LOCAL),
        ("loopback", Self::LOOPBACK),
        ("metadata", Self::METADATA),
        ("private", Self::PRIVATE),
        ("public", Self::PUBLIC),
        ("reserved", Self::RESERVED),
    ];

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all classes of this set are in `other`.
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// What an IPv4 address is.
pub(super) fn class_of_v4(address: u32) -> Classes {
    let [a, b, c, d] = address.to_be_bytes();
    match (a, b, c, d) {
        // AWS, Azure, GCP, OpenStack; AWS's resolver; ECS tasks; EKS pods.
        (169, 254, 169, 253 | 254) | (169, 254, 170, 2 | 23) => {
            Classes::METADATA.with(Classes::LINK_LOCAL)
        }
        // Alibaba Cloud; Oracle Cloud; Azure's wire server.
        (100, 100, 100, 200) | (192, 0, 0, 192) => Classes::METADATA.with(Classes::PRIVATE),
        (168, 63, 129, 16) => Classes::METADATA,
        (0 | 127, ..) => Classes::LOOPBACK,
        (10, ..)
        | (172, 16..=31, ..)
        | (192, 168, ..)
        | (100, 64..=127, ..)
        | (198, 18 | 19, ..) => Classes::PRIVATE,
        (169, 254, ..) => Classes::LINK_LOCAL,
        (192, 0, 0 | 2, _)
        | (198, 51, 100, _)
        | (203, 0, 113, _)
        | (192, 88, 99, _)
        | (224.., ..) => Classes::RESERVED,
        _ => Classes::PUBLIC,
    }
}

/// What an IPv6 address is, and any IPv4 address that it carries.
pub(super) fn class_of_v6(address: u128) -> Classes {
    let low = address as u32;
    let [s0, s1, ..] = segments(address);
    match (s0, s1) {
        _ if address <= 1 => Classes::LOOPBACK,
        // IPv4-compatible, IPv4-mapped, IPv4-translated.
        _ if address >> 32 == 0 || address >> 32 == 0xffff || address >> 48 == 0xffff => {
            class_of_v4(low)
        }
        (0x64, 0xff9b) => class_of_v4(low).with(Classes::RESERVED),
        (0x2002, _) => class_of_v4((address >> 80) as u32).with(Classes::RESERVED),
        // Teredo carries the client's address with its bits inverted, and the server's.
        (0x2001, 0) => {
            class_of_v4(!low).with(class_of_v4((address >> 64) as u32)).with(Classes::RESERVED)
        }
        // AWS; its resolver; EKS pods.
        (0xfd00, 0xec2) => Classes::METADATA.with(Classes::PRIVATE),
        (0xfc00..=0xfdff, _) | (0xfec0..=0xfeff, _) => Classes::PRIVATE,
        (0xfe80..=0xfebf, _) => Classes::LINK_LOCAL,
        (0xff00.., _) | (0x2001, 0xdb8) | (0x100, 0) | (0x3fff, _) => Classes::RESERVED,
        (0x2000..=0x3fff, _) => Classes::PUBLIC,
        _ => Classes::RESERVED,
    }
}

fn segments(address: u128) -> [u16; 8] {
    let bytes = address.to_be_bytes();
    let mut segments = [0; 8];
    for (segment, pair) in segments.iter_mut().zip(bytes.chunks_exact(2)) {
        if let [high, low] = pair {
            *segment = u16::from_be_bytes([*high, *low]);
        }
    }
    segments
}

/// What a name stands for by convention; names say nothing about what they resolve to.
pub(super) fn class_of_name(name: &str) -> Classes {
    const METADATA: [&str; 8] = [
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.aliyuncs.com",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.tencentyun.com",
    ];
    // RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of .internal, and custom.
    const PRIVATE: [&str; 7] =
        ["internal", "local", "home.arpa", "lan", "intranet", "corp", "home"];
    const LOOPBACK: [&str; 4] =
        ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    let below = |zone: &&str| {
        let (head, tail) =
            name.split_at_checked(name.len().saturating_sub(zone.len())).unwrap_or(("", ""));
        tail.eq_ignore_ascii_case(zone) && (head.is_empty() || head.ends_with('.'))
    };
    if METADATA.iter().any(is) {
        Classes::METADATA
    } else if LOOPBACK.iter().any(is) || below(&"localhost") {
        Classes::LOOPBACK
    } else if PRIVATE.iter().any(below) || !name.contains('.') {
        Classes::PRIVATE
    } else {
        Classes::PUBLIC
    }
}

/// Whether a host must be read as an IPv4 address because its last label is a number.
pub(super) fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or("");
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An IPv4 address in one to four parts, each decimal, octal (`0`) or hexadecimal (`0x`).
pub(super) fn read_v4(host: &str) -> Option<u32> {
    let count = host.split('.').count();
    let mut address = 0_u32;
    for (index, part) in host.split('.').enumerate() {
        let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some("") => ("0", 16),
            Some(digits) => (digits, 16),
            None if part.len() > 1 && part.starts_with('0') => (part, 8),
            None => (part, 10),
        };
        if digits.starts_with('+') {
            return None;
        }
        let value = u64::from_str_radix(digits, radix).ok()?;
        let last = index.saturating_add(1) == count;
        // The last part fills all the bytes that are left.
        let bits =
            if last { 32_u32.checked_sub(u32::try_from(index).ok()?.checked_mul(8)?)? } else { 8 };
        if bits == 0 || value >= 1_u64.checked_shl(bits)? {
            return None;
        }
        address = address.checked_shl(bits).unwrap_or(0) | u32::try_from(value).ok()?;
    }
    (count <= 4).then_some(address)
}

/// An IPv6 address, the text between its brackets.
pub(super) fn read_v6(text: &str) -> Option<u128> {
    text.parse::<core::net::Ipv6Addr>().ok().map(u128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> Classes {
        class_of_v6(read_v6(text).unwrap())
    }

    #[test]
    fn every_spelling_of_an_address_is_the_same() {
        let metadata = 0xa9fe_a9fe;
        for text in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0XA9FEA9FE",
            "025177524776",
            "0251.0376.0251.0376",
            "0xa9.0xfe.0xa9.0xfe",
            "169.16689662",
            "169.254.43518",
            "0251.254.0xa9.254",
        ] {
            assert!(ends_in_number(text), "{text}");
            assert_eq!(read_v4(text), Some(metadata), "{text}");
        }
        assert_eq!(read_v4("127.1"), Some(0x7f00_0001));
        assert_eq!(read_v4("0x"), Some(0));
        for text in
            ["1.2.3.4.5", "256.1.1.1", "1.2.3.256", "4294967296", "08", "1..2", "+1", "0x+1", ""]
        {
            assert_eq!(read_v4(text), None, "{text}");
        }
        for text in ["example.com", "a.0b1", "1.example", "0y1"] {
            assert!(!ends_in_number(text), "{text}");
        }
    }

    #[test]
    fn classes_of_addresses() {
        for (text, class) in [
            ("8.8.8.8", Classes::PUBLIC),
            ("0.0.0.0", Classes::LOOPBACK),
            ("127.9.9.9", Classes::LOOPBACK),
            ("10.0.0.1", Classes::PRIVATE),
            ("172.15.0.1", Classes::PUBLIC),
            ("172.16.0.1", Classes::PRIVATE),
            ("172.31.255.255", Classes::PRIVATE),
            ("192.168.1.1", Classes::PRIVATE),
            ("100.64.0.1", Classes::PRIVATE),
            ("100.128.0.1", Classes::PUBLIC),
            ("169.254.1.1", Classes::LINK_LOCAL),
            ("224.0.0.1", Classes::RESERVED),
            ("255.255.255.255", Classes::RESERVED),
            ("192.0.2.1", Classes::RESERVED),
        ] {
            assert_eq!(class_of_v4(read_v4(text).unwrap()), class, "{text}");
        }
        assert!(class_of_v4(read_v4("169.254.169.254").unwrap()).meets(Classes::METADATA));
        assert!(class_of_v4(read_v4("100.100.100.200").unwrap()).meets(Classes::METADATA));
    }

    #[test]
    fn an_address_inside_an_address_is_seen() {
        for text in [
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
            "2001:0:1:1::5601:5601",
            "fd00:ec2::254",
            "::ffff:0:a9fe:a9fe",
        ] {
            assert!(v6(text).meets(Classes::METADATA), "{text}");
        }
        assert_eq!(v6("::1"), Classes::LOOPBACK);
        assert_eq!(v6("::"), Classes::LOOPBACK);
        assert_eq!(v6("fe80::1"), Classes::LINK_LOCAL);
        assert_eq!(v6("fd12::1"), Classes::PRIVATE);
        assert_eq!(v6("2606:4700::1111"), Classes::PUBLIC);
        assert_eq!(v6("ff02::1"), Classes::RESERVED);
    }

    #[test]
    fn names_that_never_leave_the_site() {
        for (name, class) in [
            ("localhost", Classes::LOOPBACK),
            ("a.LocalHost", Classes::LOOPBACK),
            ("metadata.google.internal", Classes::METADATA),
            ("METADATA", Classes::METADATA),
            ("db.internal", Classes::PRIVATE),
            ("printer", Classes::PRIVATE),
            ("nas.local", Classes::PRIVATE),
            ("example.com", Classes::PUBLIC),
            ("notlocalhost.com", Classes::PUBLIC),
            ("xinternal.example", Classes::PUBLIC),
        ] {
            assert_eq!(class_of_name(name), class, "{name}");
        }
    }
}
